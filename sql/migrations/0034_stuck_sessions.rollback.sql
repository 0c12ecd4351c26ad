drop table list_pipeline.stuck_session;
