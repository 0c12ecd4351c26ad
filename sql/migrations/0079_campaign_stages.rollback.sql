drop view list_pipeline.notification_log;
drop table list_pipeline.campaign_stage;
