drop table list_pipeline.page_session;
