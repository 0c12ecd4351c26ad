-- Whether the number of a send's recipients was held against the one expected; it is told once. Past sends are not looked at.

alter table list_pipeline.campaign_schedule add column recipients_compared_at timestamptz;

-- Nothing that is cached shows it, so nothing cached is outdated by it.
alter table list_pipeline.campaign_schedule disable trigger campaigns_updated;
update list_pipeline.campaign_schedule set recipients_compared_at = send_start_at where send_start_at is not null;
alter table list_pipeline.campaign_schedule enable trigger campaigns_updated;
