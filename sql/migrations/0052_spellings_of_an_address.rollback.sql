create or replace function list_pipeline.address_key(address text) returns uuid language sql stable parallel safe as $$
    select encode(substr(list_pipeline.keyed_hash('address:' || lower(address)), 1, 16), 'hex')::uuid
$$;

create or replace function list_pipeline.keep_address_key() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and new.email is not distinct from old.email then
        return new;
    end if;
    if not new.is_anonymised then
        -- An insert mostly meets the contact's own row, unchanged.
        new.address_key := coalesce(
            (select m.address_key from list_pipeline.contact_list_membership m
             where m.contact_id = new.contact_id and m.email = new.email),
            list_pipeline.address_key(new.email));
    elsif tg_op = 'UPDATE' then
        new.address_key := old.address_key;
    end if;
    if new.is_anonymised and new.contact_id > 0 and (tg_op = 'INSERT' or not old.is_anonymised) then
        insert into list_pipeline.erasure_due (contact_id, address, noticed_at)
        values (new.contact_id, case when tg_op = 'UPDATE' then old.email end, new.last_updated)
        -- An insert that meets the contact's row fires this twice; only the update knows the address.
        on conflict (contact_id) do update set address = coalesce(erasure_due.address, excluded.address);
    end if;
    return new;
end
$$;

-- Under the key of the spelling that is known of each; whose address is known no more stays under the other.
with renewed as (
    select distinct on (m.address_key) m.address_key, list_pipeline.address_key(m.email) as address_key_before
    from list_pipeline.contact_list_membership m
    where not m.is_anonymised and list_pipeline.same_address(m.email) <> lower(m.email)
    order by m.address_key, m.contact_id desc),
erased as (
    update list_pipeline.erased_person e set address_key = r.address_key_before
    from renewed r where e.address_key = r.address_key)
update list_pipeline.contact_suppression_history h set address_key = r.address_key_before
from renewed r where h.address_key = r.address_key;
update list_pipeline.contact_list_membership m set address_key = list_pipeline.address_key(m.email)
where not m.is_anonymised and list_pipeline.same_address(m.email) <> lower(m.email);

drop function list_pipeline.renew_address_key(text);
drop function list_pipeline.address_key_before(text);
drop function list_pipeline.same_address(text);
drop function list_pipeline.readable_label(text);
