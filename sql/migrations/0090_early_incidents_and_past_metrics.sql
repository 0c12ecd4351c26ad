-- Mail operators that stand out at a wrap-up: looked at once, before it is told.
create table list_pipeline.early_incident_look (
    campaign_id integer primary key references list_pipeline.campaign_schedule (id) on delete cascade,
    looked_at   timestamptz not null,
    look        text not null check (look in ('too_few', 'read', 'unread')),
    -- Why it is not known.
    why         text not null default '',
    -- What reading cost.
    requests    integer not null check (requests >= 0),
    -- The groups that stand out: kind, name, contacts and bounces, what is usual, and the reasons; no contact.
    groups      jsonb not null default '[]',
    constraint early_incident_look_why_check check ((look = 'unread') = (why <> '')),
    constraint early_incident_look_groups_check check (look = 'read' or groups = '[]')
);

-- The figures of campaigns that were sent before the product was there: read once, long after the send.
alter table list_pipeline.campaign_metrics drop constraint campaign_metrics_sweep_check;
alter table list_pipeline.campaign_metrics
    add constraint campaign_metrics_sweep_check check (sweep in ('wrapup', '24h', '72h', '7d', 'past'));

-- Those whose figures could not be read, and how often that was tried.
create table list_pipeline.past_metrics_attempt (
    campaign_id integer primary key references list_pipeline.campaign_schedule (id) on delete cascade,
    attempts    smallint not null check (attempts >= 1),
    tried_at    timestamptz not null,
    problem     text not null check (problem <> '')
);
