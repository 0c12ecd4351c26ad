drop table list_pipeline.restoration;
drop table list_pipeline.backup;
