drop table list_pipeline.mode_change;
