-- What Mailjet's Event API told by itself, beside what is read from its logs: failures, complaints, unsubscriptions, and signs
-- that somebody reads.

-- Failures, complaints and unsubscriptions, and whatever cannot be joined to a contact yet. No address and no text of anybody.
create table list_pipeline.told_event (
    told_event_id       bigint generated always as identity primary key,
    -- A keyed hash of kind, message, address and instant: Mailjet promises neither order nor that an event comes once.
    identity            uuid not null unique,
    kind                text not null check (kind in ('open', 'click', 'bounce', 'blocked', 'spam', 'unsub')),
    occurred_at         timestamptz not null,
    received_at         timestamptz not null,
    -- Null: it belongs to no campaign, or does not say to which.
    mailjet_campaign_id bigint check (mailjet_campaign_id > 0),
    -- Null: it names none; then the address may tell who it is.
    contact_id          bigint,
    address_key         uuid,
    -- Of an unsubscription; null: it does not say from which list.
    mailjet_list_id     bigint check (mailjet_list_id > 0),
    state_id            integer,
    is_permanent        boolean,
    message_status      text,
    -- What the failure is, by the words of the event alone; null: it is none.
    bounce_class        text check (bounce_class in
                        ('hard', 'soft', 'block', 'content', 'complaint', 'not_evidence', 'unknown')),
    reason              text,
    is_disputed         boolean not null default false,
    decided_by          text check (decided_by in ('state', 'permanence_flag', 'message_status', 'receivers_words')),
    server_words        text not null default '',
    is_prefetch         boolean not null default false,
    -- Null: kept aside, because its contact or its campaign is not known here yet.
    joined_at           timestamptz,
    check ((kind in ('bounce', 'blocked', 'spam')) = (bounce_class is not null)),
    check ((bounce_class is null) = (reason is null) and (bounce_class is null) = (decided_by is null))
);
create index told_event_aside_idx on list_pipeline.told_event (received_at) where joined_at is null;
create index told_event_campaign_idx on list_pipeline.told_event (mailjet_campaign_id, contact_id)
    where bounce_class is not null;

-- How many events came, day by day (UTC), and what became of them.
create table list_pipeline.told_count (
    day      date not null,
    kind     text not null check (kind in ('sent', 'open', 'click', 'bounce', 'blocked', 'spam', 'unsub', 'other')),
    -- 'kept', 'aside', 'repeated', 'scanner', 'nobody', 'erased', or what was wrong.
    outcome  text not null check (outcome <> ''),
    events   bigint not null check (events > 0),
    first_at timestamptz not null,
    last_at  timestamptz not null check (last_at >= first_at),
    primary key (day, kind, outcome)
);

-- Signs that somebody, or a mailbox, took a mail: first and last of each kind, for each contact and campaign.
create table list_pipeline.contact_engagement (
    contact_id          bigint not null,
    -- 0: of no campaign.
    mailjet_campaign_id bigint not null check (mailjet_campaign_id >= 0),
    first_open_at       timestamptz,
    last_open_at        timestamptz check (last_open_at >= first_open_at),
    first_click_at      timestamptz,
    last_click_at       timestamptz check (last_click_at >= first_click_at),
    -- Fetched by the mail program before anybody looked.
    first_prefetch_at   timestamptz,
    last_prefetch_at    timestamptz check (last_prefetch_at >= first_prefetch_at),
    primary key (contact_id, mailjet_campaign_id),
    check ((first_open_at is null) = (last_open_at is null)),
    check ((first_click_at is null) = (last_click_at is null)),
    check ((first_prefetch_at is null) = (last_prefetch_at is null)),
    check (coalesce(first_open_at, first_click_at, first_prefetch_at) is not null)
);

-- What was told stands in the same rows as what was read: before any reading of the campaign, or where no reading shows it, in a
-- reading of its own, which is never whole.
alter table list_pipeline.bounce_fetch drop constraint bounce_fetch_sweep_check;
alter table list_pipeline.bounce_fetch
    add constraint bounce_fetch_sweep_check check (sweep in ('24h', '72h', '7d', 'told')),
    add constraint bounce_fetch_told_check check (sweep <> 'told' or not is_complete);
alter table list_pipeline.bounce_event
    -- When the Event API told of it; null: it did not.
    add column told_at timestamptz;
alter table list_pipeline.bounce_event drop constraint bounce_event_check;
alter table list_pipeline.bounce_event
    add constraint bounce_event_check check (in_bounce_log or in_message_log or told_at is not null);

-- An unsubscription that Mailjet told of before its entry on a list showed it; null: one whose entry is gone.
alter table list_pipeline.kept_unsubscription add column told_at timestamptz;
