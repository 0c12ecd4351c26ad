drop table list_pipeline.shadow_difference;
drop table list_pipeline.shadow_comparison;
drop table list_pipeline.shadow_policy;
