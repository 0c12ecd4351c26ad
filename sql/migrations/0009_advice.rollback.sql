alter table list_pipeline.bounce_event drop column server_words;
drop table list_pipeline.decision_review;
drop table list_pipeline.list_health_assessment;
drop index list_pipeline.agent_record_asked_at_idx;
drop index list_pipeline.agent_record_question_idx;
alter table list_pipeline.agent_record
    drop column confidence,
    drop column cost_usd,
    drop column requests,
    drop column model_version,
    drop column outcome,
    drop column subject,
    drop column week;
