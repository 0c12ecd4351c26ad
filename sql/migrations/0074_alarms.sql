-- Problems that wake somebody up: open from when a look finds them until one does not, and told to those who page people.

create table list_pipeline.alarm (
    alarm_id    integer generated always as identity primary key,
    kind        text not null check (kind in ('changes_stopped', 'maintenance_given_up', 'runs_fail', 'blocked_campaign_goes',
                                              'rollback_trigger', 'list_bounces', 'messages_wait', 'test')),
    -- What of its kind: a campaign, a job, a list; empty where there is one at a time.
    reference   text not null,
    summary     text not null check (summary <> ''),
    raised_at   timestamptz not null,
    -- Null: it is open.
    resolved_at timestamptz check (resolved_at >= raised_at)
);
create unique index alarm_open_idx on list_pipeline.alarm (kind, reference) where resolved_at is null;

-- What is to be told of an alarm, to each receiver that was set up then. Written with the alarm, before any request.
create table list_pipeline.alarm_delivery (
    alarm_id        integer not null references list_pipeline.alarm (alarm_id) on delete cascade,
    receiver        text not null check (receiver in ('pagerduty', 'webhook')),
    action          text not null check (action in ('trigger', 'resolve')),
    state           text not null default 'pending'
                    check (state in ('pending', 'sent', 'unknown', 'failed', 'skipped', 'expired')),
    attempts        integer not null default 0 check (attempts >= 0),
    created_at      timestamptz not null,
    next_attempt_at timestamptz,
    sent_at         timestamptz,
    last_error      text,
    primary key (alarm_id, receiver, action),
    check ((state = 'sent') = (sent_at is not null))
);
create index alarm_delivery_waiting_idx on list_pipeline.alarm_delivery (next_attempt_at)
    where state in ('pending', 'unknown', 'failed');
