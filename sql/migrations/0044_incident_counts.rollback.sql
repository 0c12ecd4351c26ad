drop table list_pipeline.incident_count;
