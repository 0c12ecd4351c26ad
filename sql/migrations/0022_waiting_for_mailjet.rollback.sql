alter table list_pipeline.list_maintenance_log drop column away_at;

update list_pipeline.mailjet_job set state = 'failed' where state = 'lost';
alter table list_pipeline.mailjet_job
    drop constraint mailjet_job_dead_check,
    drop column dead_note,
    drop column dead_by,
    drop column dead_at,
    drop constraint mailjet_job_state_check,
    add constraint mailjet_job_state_check check (state in ('submitting', 'submitted', 'finished', 'failed'));
