-- A contact's campaigns are read from the index alone: a contact was in hundreds of them, each in another block of the table.
create index campaign_recipient_by_contact_idx on list_pipeline.campaign_recipient (contact_id, campaign_id);
drop index list_pipeline.campaign_recipient_contact_idx;
