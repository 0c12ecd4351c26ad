drop table list_pipeline.api_caller;
drop table list_pipeline.api_token;
