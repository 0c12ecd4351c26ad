alter table list_pipeline.list_health_check drop column silence;
