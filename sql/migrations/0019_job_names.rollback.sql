create temporary table renamed_job (old text primary key, new text not null) on commit drop;
insert into renamed_job values
    ('workflow_metrics_job', 'metrics_of_workflows'),
    ('decision_review_job', 'review_of_decisions'),
    ('notification_delivery_job', 'measurement_of_delivery'),
    ('list_reconciliation_job', 'reconciliation_of_lists'),
    ('list_cache_job', 'cache_refresh'),
    ('membership_sync_job', 'membership_synchronisation'),
    ('pre_campaign_validation_job', 'pre_campaign_validation_run');
update list_pipeline.job_run set job = new from renamed_job where job = old;
update list_pipeline.work_timing set workflow = new from renamed_job where workflow = old;
-- A message that was sent today under the new name is not sent again under the old one.
update list_pipeline.notification set message_key = replace(message_key, 'overdue:' || old || ':', 'overdue:' || new || ':')
from renamed_job where message_key like 'overdue:' || old || ':%';
