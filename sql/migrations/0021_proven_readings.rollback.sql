alter table list_pipeline.list_maintenance_log
    drop column log_late_since;

alter table list_pipeline.campaign_schedule
    drop constraint campaign_schedule_proven_recipients_check,
    drop column recipients_tried_at,
    drop column recipients_proven_at;
