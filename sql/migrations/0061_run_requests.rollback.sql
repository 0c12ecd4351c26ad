drop table list_pipeline.api_answer;
drop table list_pipeline.run_request;
