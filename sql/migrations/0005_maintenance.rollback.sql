drop table list_pipeline.agent_record;
drop table list_pipeline.contact_suppression_history;
drop table list_pipeline.list_health_check;
drop table list_pipeline.list_maintenance_log;
