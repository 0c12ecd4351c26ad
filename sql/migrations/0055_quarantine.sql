-- Contacts that are not mailed for a while and stay on their lists: a plan, a change in the journal, and a row that says until when.

alter table list_pipeline.plan
    drop constraint plan_kind_check,
    drop constraint plan_campaign_check,
    add constraint plan_kind_check check (kind in
        ('suppression', 'rebalancing', 'undo', 'redo', 'rollback', 'manual', 'repair', 'import', 'quarantine', 'release')),
    -- A quarantine belongs to a campaign, or to the person who asked for it; a release ends those of several campaigns.
    add constraint plan_campaign_check check ((campaign_id is null) = (sweep is null) and (kind = 'quarantine'
        or (campaign_id is not null) = (kind not in ('manual', 'repair', 'import', 'release'))));
alter table list_pipeline.plan_item
    drop constraint plan_item_action_check,
    add constraint plan_item_action_check
        check (action in ('suppress', 'monitor', 'keep', 'move', 'enrol', 'restore', 'remove', 'quarantine'));
alter table list_pipeline.change
    drop constraint change_kind_check,
    add constraint change_kind_check check (kind in ('suppress', 'move', 'enrol', 'restore', 'remove', 'quarantine'));

create table list_pipeline.quarantine (
    plan_id     integer not null references list_pipeline.plan (plan_id) on delete cascade,
    contact_id  bigint not null,
    -- Null: a person asked for it.
    campaign_id integer references list_pipeline.campaign_schedule (id) on delete cascade,
    reason      text not null check (reason in ('incident', 'disputed_first_hit', 'mass_change', 'by_hand')),
    state       text not null check (state in ('planned', 'active', 'released', 'confirmed', 'lifted', 'gone', 'dropped')),
    planned_at  timestamptz not null,
    ends_at     timestamptz not null check (ends_at > planned_at),
    -- When our exclusion was read back, and when it ended, by whose doing it may have.
    started_at  timestamptz,
    ended_at    timestamptz,
    primary key (plan_id, contact_id),
    check ((state in ('planned', 'dropped')) = (started_at is null)),
    check ((state in ('planned', 'active')) = (ended_at is null))
);
create index quarantine_contact_idx on list_pipeline.quarantine (contact_id);
create unique index quarantine_open_idx on list_pipeline.quarantine (contact_id) where state in ('planned', 'active');
create index quarantine_campaign_idx on list_pipeline.quarantine (campaign_id);
-- Who is in quarantine counts among the members that people are shown: what was cached before does not hold any more.
create trigger quarantine_began after insert on list_pipeline.quarantine referencing new table as affected
    for each statement execute function list_pipeline.note_touched_rows('members');
create trigger quarantine_changed after update on list_pipeline.quarantine referencing new table as affected
    for each statement execute function list_pipeline.note_touched_rows('members');
