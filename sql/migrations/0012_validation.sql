-- Campaigns that are scheduled at Mailjet, their validation before they are sent, and what a block did to their schedule.

alter table list_pipeline.campaign_schedule
    -- Mailable contacts of the list when the schedule became known, and since when that counts; the send is held against it.
    add column expected_recipients integer check (expected_recipients >= 0),
    add column expected_at timestamptz,
    -- Since when this date and list stand: a validation made before says nothing about them.
    add column scheduled_since timestamptz,
    -- From its validation to the end of sending nothing of ours changes the list. Null: it is not frozen.
    add column frozen_at timestamptz,
    -- Who blocked it: 'validation', which a later clean one lifts, or a person.
    add column blocked_by text,
    add constraint campaign_schedule_expected_check check ((expected_recipients is null) = (expected_at is null));
-- One row for each draft that was not sent yet, whoever looks at the same time.
create unique index campaign_schedule_draft_idx on list_pipeline.campaign_schedule (mailjet_draft_id)
    where mailjet_campaign_id is null;

create table list_pipeline.campaign_validation (
    validation_id integer generated always as identity primary key,
    campaign_id   integer not null references list_pipeline.campaign_schedule (id) on delete cascade,
    log_id        integer references list_pipeline.list_maintenance_log (id) on delete set null on update cascade,
    list_role     text not null check (list_role in ('campaign_1', 'campaign_2', 'campaign_3')),
    -- The schedule that was judged.
    scheduled_at  timestamptz not null,
    validated_at  timestamptz not null,
    verdict       text not null check (verdict in ('passed', 'warning', 'critical')),
    -- Critical, and nobody had let exactly these findings go before.
    is_blocking   boolean not null,
    -- Why the schedule at Mailjet was left alone, in words; null where it was to be cancelled, or nothing was blocked.
    left_because  text,
    -- When its consequences were settled and people were told; null: to be continued.
    finished_at   timestamptz,
    check (not is_blocking or verdict = 'critical')
);
create index campaign_validation_campaign_idx on list_pipeline.campaign_validation (campaign_id, validation_id);

create table list_pipeline.campaign_validation_rule (
    validation_id integer not null references list_pipeline.campaign_validation (validation_id) on delete cascade,
    rule          text not null,
    severity      text not null check (severity in ('passed', 'warning', 'critical')),
    words         text not null,
    -- What a person does about it; empty where nothing is to be done.
    action        text not null default '',
    details       jsonb not null default '{}',
    primary key (validation_id, rule)
);

-- Who let a blocked campaign go, and which findings that person had seen.
create table list_pipeline.campaign_override (
    override_id   integer generated always as identity primary key,
    campaign_id   integer not null references list_pipeline.campaign_schedule (id) on delete cascade,
    scheduled_at  timestamptz not null,
    overridden_by text not null check (overridden_by <> ''),
    overridden_at timestamptz not null,
    note          text not null default '',
    rules         text[] not null
);
create index campaign_override_campaign_idx on list_pipeline.campaign_override (campaign_id);

-- Each change of a schedule at Mailjet, written before its request: what was cancelled can be restored.
create table list_pipeline.schedule_change (
    schedule_change_id integer generated always as identity primary key,
    campaign_id        integer not null references list_pipeline.campaign_schedule (id) on delete cascade,
    mailjet_draft_id   bigint not null,
    action             text not null check (action in ('cancel', 'restore')),
    scheduled_at       timestamptz not null,
    state              text not null check (state in ('planned', 'submitting', 'confirmed', 'failed', 'skipped')),
    attempts           smallint not null default 0 check (attempts >= 0),
    note               text,
    created_at         timestamptz not null,
    submitting_at      timestamptz,
    settled_at         timestamptz,
    -- A cancellation that no longer stands: restored, or scheduled again by somebody.
    reversed_at        timestamptz,
    check ((settled_at is null) = (state in ('planned', 'submitting'))),
    check (reversed_at is null or action = 'cancel' and state = 'confirmed')
);
create unique index schedule_change_open_idx on list_pipeline.schedule_change (campaign_id)
    where state in ('planned', 'submitting');
