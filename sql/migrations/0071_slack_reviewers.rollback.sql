drop table list_pipeline.slack_reviewer;
