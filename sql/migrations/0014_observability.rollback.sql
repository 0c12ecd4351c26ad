drop table list_pipeline.job_run;
drop table list_pipeline.work_timing;
