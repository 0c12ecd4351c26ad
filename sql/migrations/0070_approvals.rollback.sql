alter table list_pipeline.review_item drop column decided_via;
alter table list_pipeline.plan drop column decided_via;
drop table list_pipeline.plan_approval;
