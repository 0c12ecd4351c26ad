drop trigger address_key_renewed on list_pipeline.contact_list_membership;
drop trigger address_key_kept on list_pipeline.contact_list_membership;
create trigger address_key_kept before insert or update of email on list_pipeline.contact_list_membership
    for each row execute function list_pipeline.keep_address_key();
drop function list_pipeline.usual_address_key(text, bytea, bytea);
