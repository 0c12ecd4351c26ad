-- A changed policy beside the present one for some campaigns: who wanted it and why, and where the two differed.

create table list_pipeline.shadow_policy (
    shadow_id     integer generated always as identity primary key,
    -- The changed figures by name, as they were typed.
    figures       jsonb not null check (jsonb_typeof(figures) = 'object' and figures <> '{}'),
    campaigns     integer not null check (campaigns > 0),
    started_at    timestamptz not null,
    started_by    text not null check (started_by <> ''),
    reason        text not null check (reason <> ''),
    ended_at      timestamptz check (ended_at >= started_at),
    -- Null: it ended by itself.
    ended_by      text check (ended_by <> ''),
    ended_why     text check (ended_why <> ''),
    check (ended_by is null or ended_at is not null),
    check ((ended_by is null) = (ended_why is null))
);
create unique index shadow_policy_running_idx on list_pipeline.shadow_policy ((true)) where ended_at is null;

create table list_pipeline.shadow_comparison (
    shadow_id   integer not null references list_pipeline.shadow_policy (shadow_id) on delete cascade,
    campaign_id integer not null references list_pipeline.campaign_schedule (id) on delete cascade,
    sweep       text not null check (sweep in ('24h', '72h', '7d')),
    compared_at timestamptz not null,
    -- Contacts that both policies judged.
    judged      integer not null check (judged >= 0),
    primary key (shadow_id, campaign_id, sweep)
);
create index shadow_comparison_campaign_idx on list_pipeline.shadow_comparison (campaign_id, sweep);

create table list_pipeline.shadow_difference (
    shadow_id      integer not null,
    campaign_id    integer not null,
    sweep          text not null,
    contact_id     bigint not null,
    present_action text not null check (present_action in ('suppress', 'hold', 'monitor', 'keep')),
    present_rule   text not null,
    shadow_action  text not null check (shadow_action in ('suppress', 'hold', 'monitor', 'keep')),
    shadow_rule    text not null,
    primary key (shadow_id, campaign_id, sweep, contact_id),
    foreign key (shadow_id, campaign_id, sweep)
        references list_pipeline.shadow_comparison (shadow_id, campaign_id, sweep) on delete cascade,
    check (present_action <> shadow_action)
);
