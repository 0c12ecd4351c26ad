-- A job of one asset is named after it: <asset>_job. What ran under the old name counts on under the new one.

create temporary table renamed_job (old text primary key, new text not null) on commit drop;
insert into renamed_job values
    ('metrics_of_workflows', 'workflow_metrics_job'),
    ('review_of_decisions', 'decision_review_job'),
    ('measurement_of_delivery', 'notification_delivery_job'),
    ('reconciliation_of_lists', 'list_reconciliation_job'),
    ('cache_refresh', 'list_cache_job'),
    ('membership_synchronisation', 'membership_sync_job'),
    ('pre_campaign_validation_run', 'pre_campaign_validation_job');
update list_pipeline.job_run set job = new from renamed_job where job = old;
update list_pipeline.work_timing set workflow = new from renamed_job where workflow = old;
-- A message that was sent today under the old name is not sent again under the new one.
update list_pipeline.notification set message_key = replace(message_key, 'overdue:' || old || ':', 'overdue:' || new || ':')
from renamed_job where message_key like 'overdue:' || old || ':%';
