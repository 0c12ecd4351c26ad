delete from list_pipeline.campaign_metrics where sweep = 'wrapup';
alter table list_pipeline.campaign_metrics drop constraint campaign_metrics_sweep_check;
alter table list_pipeline.campaign_metrics
    add constraint campaign_metrics_sweep_check check (sweep in ('24h', '72h', '7d'));
