-- A person's word that they saw a test of a campaign, for exactly the content it had then.
create table list_pipeline.campaign_test (
    campaign_test_id integer generated always as identity primary key,
    campaign_id      integer not null references list_pipeline.campaign_schedule (id) on delete cascade,
    content_hash     text not null check (content_hash ~ '^[0-9a-f]{64}$'),
    tested_by        text not null check (tested_by <> ''),
    tested_at        timestamptz not null,
    note             text not null default '',
    unique (campaign_id, content_hash)
);
