drop index list_pipeline.notification_created_at_idx;
drop index list_pipeline.notification_thread_idx;
drop index list_pipeline.notification_waiting_idx;
update list_pipeline.notification set state = 'skipped' where state = 'expired';
alter table list_pipeline.notification
    drop constraint notification_state_check,
    add constraint notification_state_check check (state in ('pending', 'sent', 'unknown', 'failed', 'skipped')),
    drop column health_check_id,
    drop column emailed_at,
    drop column email_attempts,
    drop column next_attempt_at,
    drop column tried_at,
    drop column channel_kind,
    drop column is_broadcast,
    drop column is_important,
    drop column is_thread_lost,
    drop column thread_ts,
    drop column thread_key;
