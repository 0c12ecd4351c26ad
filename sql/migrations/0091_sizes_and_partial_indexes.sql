-- How many are on each list, without counting them: each statement that changes it adds a row, and their sum is the number. No
-- two writers wait for each other over it, and a transaction that is taken back takes its rows with it.
create table list_pipeline.list_size_delta (
    list_role    text not null check (list_role in ('master', 'campaign_1', 'campaign_2', 'campaign_3', 'suppression')),
    raw          bigint not null,
    unsubscribed bigint not null
);

create function list_pipeline.note_places_inserted() returns trigger language plpgsql as $$
begin
    insert into list_pipeline.list_size_delta
    select list_role, count(*), count(*) filter (where is_unsubscribed) from new_places where left_at is null group by list_role;
    return null;
end
$$;
create function list_pipeline.note_places_updated() returns trigger language plpgsql as $$
begin
    insert into list_pipeline.list_size_delta
    select list_role, sum(n), sum(n * is_unsubscribed::int)
    from (select list_role, is_unsubscribed, 1 as n from new_places where left_at is null
          union all select list_role, is_unsubscribed, -1 from old_places where left_at is null) both_states
    group by list_role having sum(n) <> 0 or sum(n * is_unsubscribed::int) <> 0;
    return null;
end
$$;
create function list_pipeline.note_places_deleted() returns trigger language plpgsql as $$
begin
    insert into list_pipeline.list_size_delta
    select list_role, -count(*), -count(*) filter (where is_unsubscribed) from old_places where left_at is null group by list_role;
    return null;
end
$$;
create function list_pipeline.note_places_truncated() returns trigger language plpgsql as $$
begin
    delete from list_pipeline.list_size_delta;
    return null;
end
$$;

create trigger sizes_inserted after insert on list_pipeline.list_membership referencing new table as new_places
    for each statement execute function list_pipeline.note_places_inserted();
create trigger sizes_updated after update on list_pipeline.list_membership
    referencing old table as old_places new table as new_places
    for each statement execute function list_pipeline.note_places_updated();
create trigger sizes_deleted after delete on list_pipeline.list_membership referencing old table as old_places
    for each statement execute function list_pipeline.note_places_deleted();
create trigger sizes_truncated after truncate on list_pipeline.list_membership
    for each statement execute function list_pipeline.note_places_truncated();

insert into list_pipeline.list_size_delta
select list_role, count(*), count(*) filter (where is_unsubscribed)
from list_pipeline.list_membership where left_at is null group by list_role;

-- The few that every sync and every gate asks for, found without reading everybody.
create index list_membership_unsubscribed_idx on list_pipeline.list_membership (list_role, contact_id)
    where is_unsubscribed and left_at is null;
create index list_membership_left_idx on list_pipeline.list_membership (left_at) where left_at is not null;
create index contact_excluded_idx on list_pipeline.contact_list_membership (contact_id) where is_excluded;
create index contact_anonymised_idx on list_pipeline.contact_list_membership (contact_id) where is_anonymised;
create index contact_in_two_lists_idx on list_pipeline.contact_list_membership (contact_id)
    where in_campaign_list_1::int + in_campaign_list_2::int + in_campaign_list_3::int > 1;
create index contact_suppressed_and_mailable_idx on list_pipeline.contact_list_membership (contact_id)
    where in_suppression_list and not is_excluded and not is_unsubscribed
      and (in_campaign_list_1 or in_campaign_list_2 or in_campaign_list_3);
