alter table list_pipeline.contact_list_membership
    drop constraint contact_list_membership_delivered_check,
    drop column delivered_count,
    drop column delivered_counted_at;
