-- Erased people: what told them apart becomes a keyed hash, by which somebody who is imported again is recognised.
--
-- The key is made here, once, and stays in the database: a restored backup brings key and hashes together, and a key that was
-- lost or exchanged would let everybody who complained and was erased pass for a newcomer. A thief of the database learns
-- nothing by it of people who are not erased: their addresses stand beside it.

create table list_pipeline.erasure_key (
    is_the_row boolean primary key default true check (is_the_row),
    -- The key, padded and mixed as HMAC (RFC 2104) wants it.
    inner_pad  bytea not null check (length(inner_pad) = 64),
    outer_pad  bytea not null check (length(outer_pad) = 64)
);

do $$
declare
    -- 32 bytes, of which 244 bits are from the server's strong source of randomness.
    secret bytea := sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'));
    inner_pad bytea := decode(repeat('36', 64), 'hex');
    outer_pad bytea := decode(repeat('5c', 64), 'hex');
begin
    for place in 0..31 loop
        inner_pad := set_byte(inner_pad, place, get_byte(secret, place) # 54);
        outer_pad := set_byte(outer_pad, place, get_byte(secret, place) # 92);
    end loop;
    insert into list_pipeline.erasure_key (inner_pad, outer_pad) values (inner_pad, outer_pad);
end
$$;

-- HMAC-SHA-256 of a text. In this language its plan is kept: it is called for every contact that is read.
create function list_pipeline.keyed_hash(message text) returns bytea language plpgsql stable parallel safe as $$
begin
    return (select sha256(k.outer_pad || sha256(k.inner_pad || convert_to(message, 'UTF8')))
            from list_pipeline.erasure_key k);
end
$$;

-- The same for every spelling of an address that counts as the same. A type of sixteen bytes, since all contacts have one.
create function list_pipeline.address_key(address text) returns uuid language sql stable parallel safe as $$
    select encode(substr(list_pipeline.keyed_hash('address:' || lower(address)), 1, 16), 'hex')::uuid
$$;

-- What an erased contact is called instead of its id: negative, so that it is no id of Mailjet's, and exact in JSON.
create function list_pipeline.contact_pseudonym(contact bigint) returns bigint language sql stable parallel safe as $$
    select -1 - ('x000' || substr(encode(list_pipeline.keyed_hash('contact:' || contact), 'hex'), 1, 13))::bit(64)::bigint
$$;

-- By this, and not by its address, a contact is known again under another id. It outlives the address.
alter table list_pipeline.contact_list_membership add column address_key uuid;
alter table list_pipeline.contact_suppression_history add column address_key uuid;

-- Contacts that Mailjet shows as erased and whose traces here are still to be removed.
create table list_pipeline.erasure_due (
    contact_id bigint primary key,
    -- Null: nobody knows it, or its traces are gone already.
    address    text,
    noticed_at timestamptz not null
);

-- Who was erased. Whatever kept them from being mailed keeps them from it when they come back.
create table list_pipeline.erased_person (
    pseudonym   bigint primary key check (pseudonym < 0),
    -- Null: nobody knew the address.
    address_key uuid,
    kept_off_because text[] not null default '{}'
                check (kept_off_because <@ array['suppressed', 'complained', 'unsubscribed', 'excluded', 'hard_bounced']),
    erased_at   timestamptz not null
);
create index erased_person_address_idx on list_pipeline.erased_person (address_key);

-- Each erasure that a person asked for or that was seen at Mailjet, with its report in numbers.
create table list_pipeline.erasure (
    erasure_id   integer generated always as identity primary key,
    pseudonym    bigint not null,
    -- Only while Mailjet's deletion is under way, so that it can be asked for again.
    contact_id   bigint,
    -- Null: it was seen at Mailjet.
    requested_by text check (requested_by <> ''),
    reason       text,
    requested_at timestamptz not null,
    -- Mailjet's deletion: null where nobody asked for it.
    state        text check (state in ('planned', 'submitting', 'confirmed', 'failed')),
    attempts     smallint not null default 0 check (attempts >= 0),
    fence        bigint,
    note         text,
    -- Null: our rows still know the person.
    finished_at  timestamptz,
    report       jsonb not null default '{}',
    check (finished_at is null or contact_id is null),
    check ((state is null) or requested_by is not null)
);
create index erasure_pseudonym_idx on list_pipeline.erasure (pseudonym);

create function list_pipeline.keep_address_key() returns trigger language plpgsql as $$
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
create trigger address_key_kept before insert or update of email on list_pipeline.contact_list_membership
    for each row execute function list_pipeline.keep_address_key();

create function list_pipeline.set_address_key() returns trigger language plpgsql as $$
begin
    -- Whoever is erased between plan and record has lost the address already.
    new.address_key := coalesce(
        (select m.address_key from list_pipeline.contact_list_membership m where m.contact_id = new.contact_id),
        list_pipeline.address_key(new.email));
    return new;
end
$$;
create trigger address_key_set before insert on list_pipeline.contact_suppression_history
    for each row execute function list_pipeline.set_address_key();

update list_pipeline.contact_suppression_history set address_key = list_pipeline.address_key(email);
-- Nothing that is shown changes: cached values hold.
alter table list_pipeline.contact_list_membership disable trigger members_updated;
update list_pipeline.contact_list_membership m set address_key = case
    when not m.is_anonymised then list_pipeline.address_key(m.email)
    else (select h.address_key from list_pipeline.contact_suppression_history h where h.contact_id = m.contact_id
          order by h.id desc limit 1) end;
alter table list_pipeline.contact_list_membership enable trigger members_updated;
create index contact_list_membership_address_key_idx on list_pipeline.contact_list_membership (address_key);
create index contact_suppression_history_address_key_idx on list_pipeline.contact_suppression_history (address_key);

-- Erased at Mailjet before there was this: their addresses stand in the history still.
insert into list_pipeline.erasure_due (contact_id, address, noticed_at)
select m.contact_id, (select h.email from list_pipeline.contact_suppression_history h where h.contact_id = m.contact_id
                      order by h.id desc limit 1), m.last_updated
from list_pipeline.contact_list_membership m
-- The address of these was never read (0033 and its way back); nobody erased them.
where m.is_anonymised and m.email <> 'unreadable-' || m.contact_id || '@domain.invalid';

-- An erased contact's rows follow when it gets another number.
alter table list_pipeline.kept_unsubscription
    drop constraint kept_unsubscription_contact_id_fkey,
    add constraint kept_unsubscription_contact_id_fkey foreign key (contact_id)
        references list_pipeline.contact_list_membership (contact_id) on update cascade on delete cascade;

-- Addresses that are suppressed, under whatever id, and whoever had them is erased since or not.
create view list_pipeline.suppressed_address as
    select address_key, contact_id from list_pipeline.contact_suppression_history
    where added_to_suppression_list and reinstated_at is null and address_key is not null
    union all
    select address_key, contact_id from list_pipeline.contact_list_membership
    where in_suppression_list and address_key is not null
    union all
    select address_key, pseudonym from list_pipeline.erased_person
    where kept_off_because && array['suppressed', 'complained'] and address_key is not null;
