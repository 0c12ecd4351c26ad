drop table list_pipeline.launch_change;
