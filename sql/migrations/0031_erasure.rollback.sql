drop view list_pipeline.suppressed_address;

alter table list_pipeline.kept_unsubscription
    drop constraint kept_unsubscription_contact_id_fkey,
    add constraint kept_unsubscription_contact_id_fkey foreign key (contact_id)
        references list_pipeline.contact_list_membership (contact_id) on delete cascade;

drop trigger address_key_set on list_pipeline.contact_suppression_history;
drop trigger address_key_kept on list_pipeline.contact_list_membership;
drop function list_pipeline.set_address_key();
drop function list_pipeline.keep_address_key();
alter table list_pipeline.contact_suppression_history drop column address_key;
alter table list_pipeline.contact_list_membership drop column address_key;

drop table list_pipeline.erasure;
drop table list_pipeline.erased_person;
drop table list_pipeline.erasure_due;
drop function list_pipeline.contact_pseudonym(bigint);
drop function list_pipeline.address_key(text);
drop function list_pipeline.keyed_hash(text);
drop table list_pipeline.erasure_key;
