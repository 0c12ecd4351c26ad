drop table list_pipeline.plan_escalation;
drop table list_pipeline.message_button;
