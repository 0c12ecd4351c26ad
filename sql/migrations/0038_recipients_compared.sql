-- Whether the number of a send's recipients was held against the one expected; it is told once. Past sends are not looked at.

alter table list_pipeline.campaign_schedule add column recipients_compared_at timestamptz;

update list_pipeline.campaign_schedule set recipients_compared_at = send_start_at where send_start_at is not null;
