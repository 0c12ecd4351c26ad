drop table list_pipeline.monitor_total;
