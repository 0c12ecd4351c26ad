alter table list_pipeline.plan_item
    drop column is_permanent_hard,
    drop column has_evidence;
alter table list_pipeline.bounce_event drop column decided_by;
