-- A bulk job of which nothing is known may still take effect, and a person can say that one never will. An attempt that met
-- an unavailable Mailjet is none.
alter table list_pipeline.mailjet_job
    drop constraint mailjet_job_state_check,
    add constraint mailjet_job_state_check check (state in ('submitting', 'submitted', 'lost', 'finished', 'failed')),
    add column dead_at timestamptz,
    add column dead_by text,
    add column dead_note text,
    add constraint mailjet_job_dead_check check ((dead_at is null) = (dead_by is null));

alter table list_pipeline.list_maintenance_log
    -- When the attempt failed because Mailjet was away or still at work: it counts as no attempt, and is looked at again.
    add column away_at timestamptz;
