-- An unsubscription whose entry on a list is gone: Mailjet forgets it with the entry, we do not.

create table list_pipeline.kept_unsubscription (
    contact_id      bigint primary key references list_pipeline.contact_list_membership (contact_id) on delete cascade,
    list_role       text not null check (list_role in ('master', 'campaign_1', 'campaign_2', 'campaign_3', 'suppression')),
    -- As Mailjet gave it; unknown for some.
    unsubscribed_at timestamptz,
    kept_at         timestamptz not null,
    taken_back_at   timestamptz,
    taken_back_by   text,
    note            text,
    check ((taken_back_at is null) = (taken_back_by is null))
);
