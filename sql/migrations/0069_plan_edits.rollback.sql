drop table list_pipeline.plan_edit;
