alter table list_pipeline.data_version drop column installation_id;
