drop table list_pipeline.list_state_history;
drop table list_pipeline.list_state;
