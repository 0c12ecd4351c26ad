drop table list_pipeline.alarm_delivery;
drop table list_pipeline.alarm;
