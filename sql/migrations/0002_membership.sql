-- Who is where. One row a contact (the only place with addresses besides the suppression history), one row a contact and list.

create table list_pipeline.contact_list_membership (
    id                  integer generated always as identity primary key,
    contact_id          bigint not null unique,
    email               text not null check (email <> ''),
    in_master_list      boolean not null default false,
    in_campaign_list_1  boolean not null default false,
    in_campaign_list_2  boolean not null default false,
    in_campaign_list_3  boolean not null default false,
    in_suppression_list boolean not null default false,
    -- Unsubscribed on any list means unsubscribed on all of them.
    is_unsubscribed     boolean not null default false,
    is_excluded         boolean not null default false,
    is_complaining      boolean not null default false,
    is_anonymised       boolean not null default false,
    -- The contact's place in the queue, set once and kept for ever: Mailjet's own date changes on every re-add.
    queued_at           timestamptz not null,
    hard_bounce_count   integer not null default 0 check (hard_bounce_count >= 0),
    soft_bounce_count   integer not null default 0 check (soft_bounce_count >= 0),
    last_bounce_date    timestamptz,
    last_updated        timestamptz not null
);
create index contact_list_membership_email_idx on list_pipeline.contact_list_membership (lower(email));
create index contact_list_membership_last_updated_idx on list_pipeline.contact_list_membership (last_updated);
-- The ends of each queue are read from these, however long the list is.
create index contact_queue_1_idx on list_pipeline.contact_list_membership (queued_at, contact_id)
    where in_campaign_list_1 and not is_unsubscribed and not is_excluded;
create index contact_queue_2_idx on list_pipeline.contact_list_membership (queued_at, contact_id)
    where in_campaign_list_2 and not is_unsubscribed and not is_excluded;
create index contact_queue_3_idx on list_pipeline.contact_list_membership (queued_at, contact_id)
    where in_campaign_list_3 and not is_unsubscribed and not is_excluded;
create index contact_newcomer_idx on list_pipeline.contact_list_membership (queued_at, contact_id)
    where in_master_list and not in_campaign_list_1 and not in_campaign_list_2 and not in_campaign_list_3
      and not in_suppression_list and not is_unsubscribed and not is_excluded and not is_anonymised;

create table list_pipeline.list_membership (
    list_role       text not null check (list_role in ('master', 'campaign_1', 'campaign_2', 'campaign_3', 'suppression')),
    contact_id      bigint not null,
    recipient_id    bigint not null,
    is_unsubscribed boolean not null default false,
    subscribed_at   timestamptz,
    unsubscribed_at timestamptz,
    first_seen_at   timestamptz not null,
    -- Null while the contact is on the list. Rows are kept: who was a recipient of a past send is read from them.
    left_at         timestamptz,
    primary key (list_role, contact_id)
);
create index list_membership_order_idx on list_pipeline.list_membership (list_role, recipient_id) where left_at is null;
create index list_membership_contact_idx on list_pipeline.list_membership (contact_id);

create table list_pipeline.sync_state (
    list_role            text primary key
                         check (list_role in ('master', 'campaign_1', 'campaign_2', 'campaign_3', 'suppression')),
    raw_count            integer not null check (raw_count >= 0),
    unsubscribed_count   integer not null check (unsubscribed_count >= 0),
    excluded_count       integer not null check (excluded_count >= 0),
    last_synced_at       timestamptz not null,
    last_full_sync_at    timestamptz not null
);

create table list_pipeline.sync_run (
    sync_run_id  integer generated always as identity primary key,
    started_at   timestamptz not null,
    finished_at  timestamptz,
    full_lists   text[] not null default '{}',
    rows_read    integer not null default 0 check (rows_read >= 0),
    rows_changed integer not null default 0 check (rows_changed >= 0),
    requests     integer not null default 0 check (requests >= 0),
    findings     jsonb not null default '[]'
);

create table list_pipeline.campaign_recipient (
    campaign_id integer not null references list_pipeline.campaign_schedule (id) on delete cascade,
    contact_id  bigint not null,
    primary key (campaign_id, contact_id)
);
create index campaign_recipient_contact_idx on list_pipeline.campaign_recipient (contact_id);
