drop table list_pipeline.bounce_event;
drop table list_pipeline.bounce_fetch;
