-- What the daily comparison of our rows with Mailjet's lists found. No addresses: a contact is known by its id.

create table list_pipeline.reconciliation (
    reconciliation_id integer generated always as identity primary key,
    started_at        timestamptz not null,
    -- Null: under way, or it failed; what it found was not written.
    finished_at       timestamptz,
    run_id            text,
    contacts_compared integer not null default 0 check (contacts_compared >= 0),
    requests          integer not null default 0 check (requests >= 0),
    -- Contacts whose change looks like work of ours that the journal does not know: a restored older database.
    own_work          integer not null default 0 check (own_work >= 0)
);

create table list_pipeline.reconciliation_finding (
    finding_id        bigint generated always as identity primary key,
    reconciliation_id integer not null references list_pipeline.reconciliation (reconciliation_id) on delete cascade,
    contact_id        bigint not null,
    list_role         text check (list_role in ('master', 'campaign_1', 'campaign_2', 'campaign_3', 'suppression')),
    kind              text not null check (kind in
                      ('missing_at_mailjet', 'unknown_to_us', 'unsubscribed_differs', 'exclusion_differs',
                       'in_two_campaign_lists', 'suppressed_and_listed', 'suppression_undone', 'suppressed_by_others')),
    ours              text not null,
    theirs            text not null,
    explanation       text not null,
    is_like_our_work  boolean not null default false,
    -- The plan that proposes the repair, which waits for a person.
    plan_id           integer references list_pipeline.plan (plan_id) on delete set null
);
create index reconciliation_finding_run_idx on list_pipeline.reconciliation_finding (reconciliation_id, kind);
create index reconciliation_finding_contact_idx on list_pipeline.reconciliation_finding (contact_id);
