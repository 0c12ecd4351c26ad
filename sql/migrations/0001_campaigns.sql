-- Campaigns (one round of a cycle each), the cycles they belong to, and their figures.

create table list_pipeline.cycle (
    cycle_id      integer generated always as identity primary key,
    number        integer not null unique check (number > 0),
    opened_at     timestamptz not null,
    closed_at     timestamptz check (closed_at >= opened_at),
    closed_reason text check (closed_reason in ('complete', 'by_person', 'overdue', 'next_started', 'out_of_order')),
    check ((closed_at is null) = (closed_reason is null))
);

create table list_pipeline.campaign_schedule (
    id                   integer generated always as identity primary key,
    campaign_key         text not null unique check (campaign_key ~ '^[a-z0-9][a-z0-9-]{0,99}$'),
    campaign_name        text not null,
    round_number         smallint not null check (round_number between 1 and 3),
    cycle_id             integer references list_pipeline.cycle (cycle_id) on delete set null,
    scheduled_date       date not null,
    scheduled_time       time not null,
    list_name            text not null,
    list_id              bigint not null,
    recipient_count      integer check (recipient_count >= 0),
    recipient_range      text,
    mailjet_draft_id     bigint,
    mailjet_campaign_id  bigint unique,
    subject              text not null default '',
    sender_name          text not null default '',
    sender_email         text not null default '',
    status               text not null default 'SCHEDULED'
                         check (status in ('SCHEDULED', 'READY', 'LAUNCHING', 'SENT', 'COMPLETED', 'BLOCKED')),
    notification_status  jsonb not null default '{}',
    send_start_at        timestamptz,
    send_end_at          timestamptz,
    recipients_source    text check (recipients_source in ('membership', 'messages')),
    recipients_known_at  timestamptz,
    retired_at           timestamptz,
    created_at           timestamptz not null,
    updated_at           timestamptz not null,
    check (send_end_at is null or send_start_at is null or send_end_at >= send_start_at),
    check ((recipients_source is null) = (recipients_known_at is null))
);
create index campaign_schedule_date_round_idx on list_pipeline.campaign_schedule (scheduled_date, round_number);
create index campaign_schedule_status_idx on list_pipeline.campaign_schedule (status);
create index campaign_schedule_cycle_idx on list_pipeline.campaign_schedule (cycle_id);

-- Sends that Mailjet shows and that are none of ours, each with the reason, so that nobody has to wonder.
create table list_pipeline.ignored_send (
    mailjet_campaign_id bigint primary key,
    list_id             bigint,
    reason              text not null check (reason in ('list_not_ours', 'no_list', 'segment', 'deleted', 'test_send')),
    first_seen_at       timestamptz not null
);

create table list_pipeline.campaign_metrics (
    id                   integer generated always as identity primary key,
    campaign_schedule_id integer not null references list_pipeline.campaign_schedule (id) on delete cascade,
    sweep                text not null check (sweep in ('24h', '72h', '7d')),
    mailjet_campaign_id  bigint not null,
    processed            integer not null check (processed >= 0),
    delivered            integer not null check (delivered >= 0),
    bounced              integer not null check (bounced >= 0),
    hard_bounces         integer not null check (hard_bounces >= 0),
    soft_bounces         integer not null check (soft_bounces >= 0),
    blocked              integer not null check (blocked >= 0),
    deferred             integer not null check (deferred >= 0),
    queued               integer not null check (queued >= 0),
    opened               integer not null default 0 check (opened >= 0),
    clicked              integer not null default 0 check (clicked >= 0),
    unsubscribed         integer not null default 0 check (unsubscribed >= 0),
    complained           integer not null default 0 check (complained >= 0),
    -- Percent of processed; null when nothing was processed, because 0 of 0 is not a rate.
    delivery_rate        double precision check (delivery_rate between 0 and 100),
    bounce_rate          double precision check (bounce_rate between 0 and 100),
    hard_bounce_rate     double precision check (hard_bounce_rate between 0 and 100),
    soft_bounce_rate     double precision check (soft_bounce_rate between 0 and 100),
    open_rate            double precision check (open_rate between 0 and 100),
    click_rate           double precision check (click_rate between 0 and 100),
    collected_at         timestamptz not null,
    send_start_at        timestamptz,
    send_end_at          timestamptz,
    unique (campaign_schedule_id, sweep)
);
create index campaign_metrics_mailjet_campaign_idx on list_pipeline.campaign_metrics (mailjet_campaign_id);
