-- Before we have read a campaign of a contact ourselves, Mailjet's own count says whether anything ever reached it. It is kept as it
-- was when the contact was first seen; of those who are known already it is not known.

alter table list_pipeline.contact_list_membership
    add column delivered_count integer check (delivered_count >= 0),
    add column delivered_counted_at timestamptz,
    add constraint contact_list_membership_delivered_check check ((delivered_count is null) = (delivered_counted_at is null));
