-- Mass changes: what others did to the lists at Mailjet, as each sync saw it, and where that was too much to be ordinary life.

-- One list, or an account's contacts, changed by so much within a day that nothing we know of explains it.
create table list_pipeline.mass_change (
    mass_change_id integer generated always as identity primary key,
    -- The number that people are asked under: of the first one that the same look found.
    matter         integer not null check (matter > 0),
    list_role      text not null check (list_role in ('master', 'campaign_1', 'campaign_2', 'campaign_3', 'suppression')),
    kind           text not null check (kind in
                   ('left', 'gone', 'came', 'unsubscribed', 'subscribed', 'excluded', 'included', 'list_gone')),
    found_at       timestamptz not null,
    -- When the last contact was added to it.
    seen_at        timestamptz not null,
    contacts       integer not null check (contacts >= 0),
    size_before    integer not null check (size_before >= 0),
    -- As many contacts would have been ordinary.
    ordinary       integer not null check (ordinary >= 0),
    usual          integer not null default 0 check (usual >= 0),
    status         text not null default 'open' check (status in ('open', 'accepted', 'repaired', 'resolved')),
    closed_at      timestamptz,
    closed_by      text,
    note           text,
    repair_plan_id integer references list_pipeline.plan (plan_id) on delete set null,
    check ((status = 'open') = (closed_at is null))
);
create unique index mass_change_open_idx on list_pipeline.mass_change (list_role, kind) where status = 'open';

create table list_pipeline.mass_change_contact (
    mass_change_id integer not null references list_pipeline.mass_change (mass_change_id) on delete cascade,
    contact_id     bigint not null,
    primary key (mass_change_id, contact_id)
);
create index mass_change_contact_idx on list_pipeline.mass_change_contact (contact_id);

-- What came and went at Mailjet and was first seen by a sync; what our journal wrote into our rows is not here. No addresses.
create table list_pipeline.list_edit (
    edit_id        bigint generated always as identity primary key,
    contact_id     bigint not null,
    -- Null: about all campaigns.
    list_role      text check (list_role in ('master', 'campaign_1', 'campaign_2', 'campaign_3', 'suppression')),
    edit           text not null check (edit in ('left', 'came', 'unsubscribed', 'subscribed', 'excluded', 'included')),
    seen_at        timestamptz not null,
    -- Null until the sync that saw it is complete; whether our own work explains it, or an earlier mass change that it takes back.
    is_explained   boolean,
    mass_change_id integer references list_pipeline.mass_change (mass_change_id) on delete set null,
    check ((edit in ('excluded', 'included')) = (list_role is null))
);
create index list_edit_seen_at_idx on list_pipeline.list_edit (seen_at);
create index list_edit_unjudged_idx on list_pipeline.list_edit (edit_id) where is_explained is null;
create index list_edit_mass_change_idx on list_pipeline.list_edit (mass_change_id) where mass_change_id is not null;
