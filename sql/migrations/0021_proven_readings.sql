-- Who was mailed is known when what was read agrees with Mailjet's counters. Recorded recipients of earlier versions are
-- unproven until they are compared once.

alter table list_pipeline.campaign_schedule
    add column recipients_proven_at timestamptz,
    add column recipients_tried_at  timestamptz,
    add constraint campaign_schedule_proven_recipients_check
        check (recipients_proven_at is null or recipients_source is not null);

-- Since when an attempt waits for Mailjet's bounce log; it is not over then and goes on in the same row.
alter table list_pipeline.list_maintenance_log
    add column log_late_since timestamptz;
