-- What the running system needs to know about itself.

create table list_pipeline.mode_state (
    only_row         boolean primary key default true check (only_row),
    first_started_at timestamptz not null,
    -- Null: the mode follows from age and approvals. Otherwise a person has set it.
    set_mode         text check (set_mode in ('read_only', 'approval_required', 'auto')),
    set_by           text,
    set_at           timestamptz,
    check ((set_mode is null) = (set_by is null) and (set_mode is null) = (set_at is null))
);

-- Every request to Mailjet that was allowed: the limiter counts the last minute of it, people read the rest.
create table list_pipeline.mailjet_request (
    request_id bigint generated always as identity primary key,
    allowed_at timestamptz not null
);
create index mailjet_request_allowed_at_idx on list_pipeline.mailjet_request (allowed_at);

create table list_pipeline.limiter_state (
    only_row     boolean primary key default true check (only_row),
    slowed_until timestamptz not null
);

create table list_pipeline.notification (
    notification_id integer generated always as identity primary key,
    message_key     text not null unique,
    campaign_id     integer references list_pipeline.campaign_schedule (id) on delete set null,
    log_id          integer references list_pipeline.list_maintenance_log (id) on delete set null,
    text            text not null,
    blocks          jsonb not null,
    state           text not null check (state in ('pending', 'sent', 'unknown', 'failed', 'skipped')),
    message_ts      text,
    channel         text,
    permalink       text,
    attempts        integer not null default 0 check (attempts >= 0),
    last_error      text,
    created_at      timestamptz not null,
    sent_at         timestamptz,
    check ((state = 'sent') = (sent_at is not null))
);
