-- The figures of a send half an hour after its launch stand beside those of its looks.
alter table list_pipeline.campaign_metrics drop constraint campaign_metrics_sweep_check;
alter table list_pipeline.campaign_metrics
    add constraint campaign_metrics_sweep_check check (sweep in ('wrapup', '24h', '72h', '7d'));
