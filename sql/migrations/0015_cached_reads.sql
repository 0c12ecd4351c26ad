-- What a cached value was read from, so that a value from before a change is never taken for one from after it.
--
-- A version is renewed in the transaction that changes the data, whoever changes it: the product, a migration, a person in
-- psql. A random value and not a number: after a restored backup a number would come again and let a value of the lost
-- future pass for a current one.

-- One row for all subjects: two rows could be locked in two orders by two transactions.
create table list_pipeline.data_version (
    is_the_row boolean primary key default true check (is_the_row),
    members    uuid not null default gen_random_uuid(),
    synced     uuid not null default gen_random_uuid(),
    campaigns  uuid not null default gen_random_uuid()
);
insert into list_pipeline.data_version default values;

-- What a transaction has touched so far; its rows go when it commits.
create table list_pipeline.data_touched (
    transaction_id xid8 not null,
    subject        text not null check (subject in ('members', 'synced', 'campaigns')),
    primary key (transaction_id, subject)
);

create function list_pipeline.note_touched() returns trigger language plpgsql as $$
begin
    insert into list_pipeline.data_touched values (pg_current_xact_id(), tg_argv[0]) on conflict do nothing;
    return null;
end
$$;

-- A statement that met no row changed nothing: most syncs find everything as it was.
create function list_pipeline.note_touched_rows() returns trigger language plpgsql as $$
begin
    if exists (select from affected) then
        insert into list_pipeline.data_touched values (pg_current_xact_id(), tg_argv[0]) on conflict do nothing;
    end if;
    return null;
end
$$;

-- Right before the commit, since the row stays locked from here on: earlier, a sync would make every other writer wait, and
-- two writers could wait for each other.
create function list_pipeline.renew_data_version() returns trigger language plpgsql as $$
begin
    update list_pipeline.data_version set
        members   = case new.subject when 'members' then gen_random_uuid() else members end,
        synced    = case new.subject when 'synced' then gen_random_uuid() else synced end,
        campaigns = case new.subject when 'campaigns' then gen_random_uuid() else campaigns end;
    delete from list_pipeline.data_touched where transaction_id = new.transaction_id and subject = new.subject;
    return null;
end
$$;
create constraint trigger data_touched_at_commit after insert on list_pipeline.data_touched
    deferrable initially deferred for each row execute function list_pipeline.renew_data_version();

create trigger members_inserted after insert on list_pipeline.contact_list_membership referencing new table as affected
    for each statement execute function list_pipeline.note_touched_rows('members');
create trigger members_updated after update on list_pipeline.contact_list_membership referencing new table as affected
    for each statement execute function list_pipeline.note_touched_rows('members');
create trigger members_deleted after delete on list_pipeline.contact_list_membership referencing old table as affected
    for each statement execute function list_pipeline.note_touched_rows('members');
create trigger members_truncated after truncate on list_pipeline.contact_list_membership
    for each statement execute function list_pipeline.note_touched('members');

create trigger places_inserted after insert on list_pipeline.list_membership referencing new table as affected
    for each statement execute function list_pipeline.note_touched_rows('members');
create trigger places_updated after update on list_pipeline.list_membership referencing new table as affected
    for each statement execute function list_pipeline.note_touched_rows('members');
create trigger places_deleted after delete on list_pipeline.list_membership referencing old table as affected
    for each statement execute function list_pipeline.note_touched_rows('members');
create trigger places_truncated after truncate on list_pipeline.list_membership
    for each statement execute function list_pipeline.note_touched('members');

create trigger sync_noted after insert or update or delete or truncate on list_pipeline.sync_state
    for each statement execute function list_pipeline.note_touched('synced');

create trigger campaigns_inserted after insert on list_pipeline.campaign_schedule referencing new table as affected
    for each statement execute function list_pipeline.note_touched_rows('campaigns');
create trigger campaigns_updated after update on list_pipeline.campaign_schedule referencing new table as affected
    for each statement execute function list_pipeline.note_touched_rows('campaigns');
create trigger campaigns_deleted after delete on list_pipeline.campaign_schedule referencing old table as affected
    for each statement execute function list_pipeline.note_touched_rows('campaigns');
create trigger campaigns_truncated after truncate on list_pipeline.campaign_schedule
    for each statement execute function list_pipeline.note_touched('campaigns');
create trigger cycles_changed after insert or update or delete or truncate on list_pipeline.cycle
    for each statement execute function list_pipeline.note_touched('campaigns');
-- Not each sign of life of a run, which is another column.
create trigger maintenance_changed after insert or delete or truncate or update of status
    on list_pipeline.list_maintenance_log
    for each statement execute function list_pipeline.note_touched('campaigns');
