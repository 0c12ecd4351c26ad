delete from list_pipeline.agent_record where sweep = 'wrapup';
alter table list_pipeline.agent_record drop constraint agent_record_sweep_check;
alter table list_pipeline.agent_record
    add constraint agent_record_sweep_check check (sweep in ('24h', '72h', '7d'));
drop table list_pipeline.wrapup_report;
