-- Nothing else says of these that their address was never read, and an earlier version could put it on a list, which creates a
-- contact. Marked like this nothing does, and the first reading that succeeds takes it back. They are not deleted: what is kept of
-- their unsubscriptions, and of where they were listed, would go with them.
update list_pipeline.contact_list_membership set is_anonymised = true
where not is_anonymised and email = 'unreadable-' || contact_id || '@domain.invalid';
drop table list_pipeline.unreadable_row;
