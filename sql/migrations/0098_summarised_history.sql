-- What is left of mailings that are older than they are kept: one row a contact, and one a campaign. Of the mailings themselves
-- those rows stay that a rule can still ask for (storage.history).
create table list_pipeline.contact_history (
    contact_id    bigint primary key,
    campaigns     integer not null check (campaigns > 0),
    delivered     integer not null check (delivered >= 0),
    hard          integer not null check (hard >= 0),
    soft          integer not null check (soft >= 0),
    other         integer not null check (other >= 0),
    -- Mailings of which nothing is left but these counts.
    gone          integer not null check (gone >= 0),
    first_sent_at timestamptz not null,
    last_sent_at  timestamptz not null check (last_sent_at >= first_sent_at),
    -- The rest is not known: the failures of their campaigns were never read whole.
    check (delivered + hard + soft + other <= campaigns and gone <= campaigns)
);

create table list_pipeline.summarised_campaign (
    campaign_id   integer primary key references list_pipeline.campaign_schedule (id) on delete cascade,
    summarised_at timestamptz not null,
    recipients    integer not null check (recipients >= 0),
    -- Null: its failures were never read whole.
    delivered     integer check (delivered >= 0),
    hard          integer not null check (hard >= 0),
    soft          integer not null check (soft >= 0),
    other         integer not null check (other >= 0)
);
