-- Where each campaign list is in its two state machines, and every transition that led there.

create table list_pipeline.list_state (
    list_role text not null check (list_role in ('campaign_1', 'campaign_2', 'campaign_3')),
    machine   text not null check (machine in ('health', 'lifecycle')),
    state     text not null,
    -- When the list came to this state; staying in it moves nothing.
    since     timestamptz not null,
    primary key (list_role, machine)
);

create table list_pipeline.list_state_history (
    history_id  bigint generated always as identity primary key,
    list_role   text not null,
    machine     text not null,
    from_state  text not null,
    to_state    text not null,
    event       text not null,
    -- What makes the event one: the campaign, sweep and attempt, the week, or the validation that it comes from.
    event_key   text not null,
    campaign_id integer references list_pipeline.campaign_schedule (id) on delete set null,
    sweep       text check (sweep in ('24h', '72h', '7d')),
    week        date,
    run_id      text,
    -- Why an event led somewhere else than it names, else empty. No address.
    reason      text not null default '',
    -- When it happened, as stored where the event comes from; and when it was noted here.
    at          timestamptz not null,
    noted_at    timestamptz not null,
    foreign key (list_role, machine) references list_pipeline.list_state (list_role, machine) on delete cascade,
    unique (list_role, machine, event_key)
);
create index list_state_history_campaign_idx on list_pipeline.list_state_history (campaign_id);
