drop table list_pipeline.unreadable_ruling;
