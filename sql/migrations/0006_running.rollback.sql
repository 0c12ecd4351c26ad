drop table list_pipeline.notification;
drop table list_pipeline.limiter_state;
drop table list_pipeline.mailjet_request;
drop table list_pipeline.mode_state;
