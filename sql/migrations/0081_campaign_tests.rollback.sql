drop table list_pipeline.campaign_test;
