-- The receiving domain of a contact, stored: whatever asks for the contacts of a domain does not split everybody's address.
alter table list_pipeline.contact_list_membership
    add column domain text generated always as (lower(split_part(email, '@', 2))) stored;
create index contact_domain_idx on list_pipeline.contact_list_membership (domain);

-- One spelling for all addresses that reach the same person: what stands behind a plus sign is left out everywhere, dots only
-- where the provider does not read them.
create function list_pipeline.address_spelling(email text) returns text language sql immutable parallel safe as $$
    select case when lower(split_part(email, '@', 2)) in ('gmail.com', 'googlemail.com')
                then replace(split_part(split_part(lower(email), '@', 1), '+', 1), '.', '') || '@gmail.com'
                else split_part(split_part(lower(email), '@', 1), '+', 1) || '@' || lower(split_part(email, '@', 2))
           end
$$;
create index contact_spelling_idx on list_pipeline.contact_list_membership (list_pipeline.address_spelling(email))
    where not is_anonymised and position('@' in email) > 1 and email not like '+%';
