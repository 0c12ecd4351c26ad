-- Messages to people: threads, retries until a message arrives or is too old, and the way it took.

alter table list_pipeline.notification
    -- What it is about: the first message about something begins a thread, later ones answer in it.
    add column thread_key      text,
    -- The message it was posted below; null: a message of its own.
    add column thread_ts       text,
    -- Slack no longer has it, so that nobody can answer below it.
    add column is_thread_lost  boolean not null default false,
    -- Worth an e-mail when Slack does not take it.
    add column is_important    boolean not null default false,
    -- Shown in the channel as well when it stands in a thread.
    add column is_broadcast    boolean not null default false,
    add column channel_kind    text check (channel_kind in ('slack', 'webhook', 'email')),
    add column tried_at        timestamptz,
    add column next_attempt_at timestamptz,
    add column email_attempts  integer not null default 0 check (email_attempts >= 0),
    add column emailed_at      timestamptz,
    add column health_check_id integer references list_pipeline.list_health_check (id) on delete set null,
    drop constraint notification_state_check,
    add constraint notification_state_check
        check (state in ('pending', 'sent', 'unknown', 'failed', 'skipped', 'expired'));

update list_pipeline.notification
set thread_key   = case when campaign_id is not null then 'campaign:' || campaign_id end,
    channel_kind = case when state <> 'sent' then null when channel = 'webhook' then 'webhook' else 'slack' end;

create index notification_waiting_idx on list_pipeline.notification (notification_id)
    where state in ('pending', 'unknown', 'failed');
create index notification_thread_idx on list_pipeline.notification (thread_key) where thread_key is not null;
create index notification_created_at_idx on list_pipeline.notification (created_at);
