-- What is usual for a mail operator or a domain: in each campaign its established contacts (delivered to before) that were
-- attempted, and those of them that bounced hard.

create table list_pipeline.incident_count (
    campaign_id integer not null references list_pipeline.campaign_schedule (id) on delete cascade,
    kind        text not null check (kind in ('operator', 'pool', 'domain')),
    -- The operator's or the domain's.
    name        text not null,
    attempted   integer not null check (attempted >= 0),
    hard        integer not null check (hard >= 0 and hard <= attempted),
    -- Its bounces were taken for the group's fault; they say nothing about what is usual.
    is_flagged  boolean not null default false,
    primary key (campaign_id, kind, name)
);
