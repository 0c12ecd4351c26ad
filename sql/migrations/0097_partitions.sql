-- Who was mailed and what failed, in partitions by campaign: numbers of campaigns grow with time, so a partition is a span of time,
-- and an old one goes as a whole. What is there becomes the default partition as it is: no row is moved or checked again, and
-- nothing is ever refused. The product closes a span about once a year (storage.history).
alter table list_pipeline.campaign_recipient rename to campaign_recipient_newest;
alter index list_pipeline.campaign_recipient_pkey rename to campaign_recipient_newest_pkey;
alter index list_pipeline.campaign_recipient_by_contact_idx rename to campaign_recipient_newest_by_contact_idx;
alter table list_pipeline.campaign_recipient_newest
    rename constraint campaign_recipient_campaign_id_fkey to campaign_recipient_newest_campaign_id_fkey;
create table list_pipeline.campaign_recipient
    (like list_pipeline.campaign_recipient_newest including defaults including constraints) partition by range (campaign_id);
alter table list_pipeline.campaign_recipient
    add primary key (campaign_id, contact_id),
    add foreign key (campaign_id) references list_pipeline.campaign_schedule (id) on delete cascade;
create index campaign_recipient_by_contact_idx on list_pipeline.campaign_recipient (contact_id, campaign_id);
alter table list_pipeline.campaign_recipient attach partition list_pipeline.campaign_recipient_newest default;

alter table list_pipeline.bounce_event rename to bounce_event_newest;
alter index list_pipeline.bounce_event_pkey rename to bounce_event_newest_pkey;
alter index list_pipeline.bounce_event_contact_idx rename to bounce_event_newest_contact_idx;
alter table list_pipeline.bounce_event_newest
    rename constraint bounce_event_campaign_id_sweep_fkey to bounce_event_newest_campaign_id_sweep_fkey;
create table list_pipeline.bounce_event
    (like list_pipeline.bounce_event_newest including defaults including constraints) partition by range (campaign_id);
alter table list_pipeline.bounce_event
    add primary key (campaign_id, sweep, contact_id),
    add foreign key (campaign_id, sweep) references list_pipeline.bounce_fetch (campaign_id, sweep) on delete cascade;
create index bounce_event_contact_idx on list_pipeline.bounce_event (contact_id, occurred_at);
alter table list_pipeline.bounce_event attach partition list_pipeline.bounce_event_newest default;

-- Nobody else counts what the partitions have in common; plans of queries rest on it.
analyze list_pipeline.campaign_recipient, list_pipeline.bounce_event;
