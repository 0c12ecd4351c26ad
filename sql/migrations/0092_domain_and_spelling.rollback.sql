drop index list_pipeline.contact_spelling_idx;
drop function list_pipeline.address_spelling(text);
drop index list_pipeline.contact_domain_idx;
alter table list_pipeline.contact_list_membership drop column domain;
