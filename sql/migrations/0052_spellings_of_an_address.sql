-- One person may come back in another spelling: a host in Punycode, composed or decomposed letters, a dot behind the host. All of
-- them count as the same address; the spelling that people read is the one that is hashed, so most keys stay as they are.

-- A label of a host's name as people read it (RFC 3492); what is no Punycode stays as it is.
create function list_pipeline.readable_label(label text) returns text language plpgsql immutable parallel safe as $$
declare
    coded text; read text := ''; code bigint := 128; bias bigint := 72; place bigint := 0; before bigint;
    weight bigint; step bigint; threshold bigint; digit int; length_now bigint; delta bigint;
begin
    if label !~ '^xn--[a-z0-9-]+$' then
        return label;
    end if;
    coded := substr(label, 5);
    if strpos(coded, '-') > 0 then
        read := substring(coded from '^(.*)-[^-]*$');
        coded := substring(coded from '[^-]*$');
    end if;
    while coded <> '' loop
        before := place;
        weight := 1;
        step := 36;
        loop
            if coded = '' or weight > 1e9 or place > 1e9 then
                return label;
            end if;
            digit := strpos('abcdefghijklmnopqrstuvwxyz0123456789', left(coded, 1)) - 1;
            coded := substr(coded, 2);
            if digit < 0 then
                return label;
            end if;
            place := place + digit * weight;
            threshold := least(greatest(step - bias, 1), 26);
            exit when digit < threshold;
            weight := weight * (36 - threshold);
            step := step + 36;
        end loop;
        length_now := length(read) + 1;
        delta := (place - before) / case when before = 0 then 700 else 2 end;
        delta := delta + delta / length_now;
        step := 0;
        while delta > 455 loop
            delta := delta / 35;
            step := step + 36;
        end loop;
        bias := step + 36 * delta / (delta + 38);
        code := code + place / length_now;
        place := place % length_now;
        if code > 1114111 or code between 55296 and 57343 then
            return label;
        end if;
        read := left(read, place::int) || chr(code::int) || substr(read, place::int + 1);
        place := place + 1;
    end loop;
    return case when read = '' then label else read end;
end
$$;

create function list_pipeline.same_address(address text) returns text language plpgsql stable parallel safe as $$
declare
    host text := substring(address from '[^@]*$');
begin
    -- Nearly every address; and letters that are composed are known in this encoding alone.
    if (address ~ '^[\x01-\x7f]*[^.]$' and lower(host) !~ '(^|\.)xn--') or getdatabaseencoding() <> 'UTF8' then
        return lower(address);
    end if;
    -- The full stops of East Asia, wide and narrow, end a label as . does (RFC 3490 3.1).
    host := rtrim(lower(normalize(translate(host, chr(12290) || chr(65294) || chr(65377), '...'), NFKC)), '.');
    return lower(normalize(left(address, length(address) - length(substring(address from '[^@]*$'))), NFC))
        || coalesce((select string_agg(lower(normalize(list_pipeline.readable_label(l.label), NFC)), '.' order by l.place)
                     from unnest(string_to_array(host, '.')) with ordinality as l (label, place)), '');
end
$$;

-- As keys were made before: who was erased then is known by such a one, until the address is seen again.
create function list_pipeline.address_key_before(address text) returns uuid language sql stable parallel safe as $$
    select encode(substr(list_pipeline.keyed_hash('address:' || lower(address)), 1, 16), 'hex')::uuid
$$;

create or replace function list_pipeline.address_key(address text) returns uuid language sql stable parallel safe as $$
    select encode(substr(list_pipeline.keyed_hash('address:' || list_pipeline.same_address(address)), 1, 16), 'hex')::uuid
$$;

-- What is kept of an erased person under a key of before goes on under the present one.
create function list_pipeline.renew_address_key(address text) returns void language plpgsql as $$
begin
    if list_pipeline.same_address(address) <> lower(address) then
        update list_pipeline.erased_person set address_key = list_pipeline.address_key(address)
        where address_key = list_pipeline.address_key_before(address);
        update list_pipeline.contact_suppression_history set address_key = list_pipeline.address_key(address)
        where address_key = list_pipeline.address_key_before(address);
    end if;
end
$$;

create or replace function list_pipeline.keep_address_key() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and new.email is not distinct from old.email then
        return new;
    end if;
    if not new.is_anonymised then
        -- An insert mostly meets the contact's own row, unchanged.
        new.address_key := (select m.address_key from list_pipeline.contact_list_membership m
                            where m.contact_id = new.contact_id and m.email = new.email);
        if new.address_key is null then
            new.address_key := list_pipeline.address_key(new.email);
            perform list_pipeline.renew_address_key(new.email);
        end if;
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

do $$ begin
    perform list_pipeline.renew_address_key(m.email) from list_pipeline.contact_list_membership m
    where not m.is_anonymised and list_pipeline.same_address(m.email) <> lower(m.email);
end $$;
update list_pipeline.contact_list_membership m set address_key = list_pipeline.address_key(m.email)
where not m.is_anonymised and list_pipeline.same_address(m.email) <> lower(m.email);
