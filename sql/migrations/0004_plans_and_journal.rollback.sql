drop table list_pipeline.list_snapshot;
drop table list_pipeline.review_item;
drop table list_pipeline.change_step;
drop table list_pipeline.change;
drop table list_pipeline.mailjet_job;
drop table list_pipeline.plan_item;
drop table list_pipeline.plan;
drop sequence list_pipeline.mutation_fence;
