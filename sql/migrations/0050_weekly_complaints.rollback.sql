alter table list_pipeline.weekly_list_metrics drop column complaints, drop column overdispersion;
