drop table list_pipeline.campaign_metrics;
drop table list_pipeline.ignored_send;
drop table list_pipeline.campaign_schedule;
drop table list_pipeline.cycle;
