drop table list_pipeline.digest;
