-- Who is on the suppression list is few, and asked for by whoever looks for newcomers: found without reading everybody. The other
-- contacts of an address are read from the index alone.
create index contact_on_suppression_list_idx on list_pipeline.contact_list_membership (address_key, contact_id)
    where in_suppression_list;
create index contact_by_address_key_idx on list_pipeline.contact_list_membership (address_key, contact_id);
drop index list_pipeline.contact_list_membership_address_key_idx;
