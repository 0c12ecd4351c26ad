-- Reading a million contacts for the first time meant a call of a trigger for each. Whoever inserts many brings their keys along,
-- made by the same formula in the same statement; a row without one still gets it from the trigger, whoever writes it.

-- The key of an address that is spelled as nearly all are; null: list_pipeline.address_key has to look closer at it.
create function list_pipeline.usual_address_key(address text, inner_pad bytea, outer_pad bytea) returns uuid
    language sql immutable parallel safe as $$
    select case when address ~ '^[\x01-\x7f]*[^.]$' and lower(address) !~ '(^|[@.])xn--'
                then encode(substr(sha256(outer_pad || sha256(inner_pad || convert_to('address:' || lower(address), 'UTF8'))),
                                   1, 16), 'hex')::uuid end
$$;

drop trigger address_key_kept on list_pipeline.contact_list_membership;
create trigger address_key_kept before insert on list_pipeline.contact_list_membership
    for each row when (new.address_key is null or new.is_anonymised) execute function list_pipeline.keep_address_key();
create trigger address_key_renewed before update of email on list_pipeline.contact_list_membership
    for each row when (new.email is distinct from old.email) execute function list_pipeline.keep_address_key();
