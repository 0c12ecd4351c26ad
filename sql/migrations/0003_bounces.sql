-- What failed, per contact and campaign, and whether the reading of it was whole.

create table list_pipeline.bounce_fetch (
    campaign_id integer not null references list_pipeline.campaign_schedule (id) on delete cascade,
    sweep       text not null check (sweep in ('24h', '72h', '7d')),
    fetched_at  timestamptz not null,
    is_complete boolean not null,
    problems    jsonb not null default '[]',
    warnings    jsonb not null default '[]',
    rows_read   integer not null check (rows_read >= 0),
    duplicates  integer not null default 0 check (duplicates >= 0),
    requests    integer not null default 0 check (requests >= 0),
    primary key (campaign_id, sweep)
);

create table list_pipeline.bounce_event (
    campaign_id       integer not null,
    sweep             text not null,
    contact_id        bigint not null,
    occurred_at       timestamptz not null,
    bounce_class      text not null check (bounce_class in
                      ('hard', 'soft', 'block', 'content', 'complaint', 'not_evidence', 'unknown')),
    reason            text not null,
    is_disputed       boolean not null default false,
    state_id          integer,
    is_permanent      boolean,
    message_status    text,
    in_bounce_log     boolean not null,
    in_message_log    boolean not null,
    is_contradictory  boolean not null default false,
    primary key (campaign_id, sweep, contact_id),
    foreign key (campaign_id, sweep) references list_pipeline.bounce_fetch (campaign_id, sweep) on delete cascade,
    check (in_bounce_log or in_message_log)
);
create index bounce_event_contact_idx on list_pipeline.bounce_event (contact_id, occurred_at);
