drop table list_pipeline.past_metrics_attempt;
delete from list_pipeline.campaign_metrics where sweep = 'past';
alter table list_pipeline.campaign_metrics drop constraint campaign_metrics_sweep_check;
alter table list_pipeline.campaign_metrics
    add constraint campaign_metrics_sweep_check check (sweep in ('wrapup', '24h', '72h', '7d'));
drop table list_pipeline.early_incident_look;
