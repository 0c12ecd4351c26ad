-- A statement that changes no row outdates what is cached all the same.
do $$ begin
    if exists (select 1 from list_pipeline.list_maintenance_log where status = 'partly_rolled_back') then
        update list_pipeline.list_maintenance_log set status = 'rolled_back' where status = 'partly_rolled_back';
    end if;
end $$;
alter table list_pipeline.list_maintenance_log
    drop constraint list_maintenance_log_partly_check,
    drop column left_because,
    drop column changes_left,
    drop column changes_taken_back,
    drop column status_before_undo,
    drop constraint list_maintenance_log_status_check,
    add constraint list_maintenance_log_status_check check (status in
        ('running', 'success', 'partial_success', 'failed', 'pending_review', 'rejected', 'rolled_back', 'read_only'));

-- Before, what an undo ended counted as rejected by whoever undid.
alter table list_pipeline.review_item
    drop constraint review_item_withdrawn_check,
    drop constraint review_item_decided_check,
    drop constraint review_item_status_check;
update list_pipeline.review_item set status = 'rejected', decided_at = withdrawn_at, decided_by = withdrawn_by
where status = 'withdrawn';
alter table list_pipeline.review_item
    drop column withdrawn_by,
    drop column withdrawn_at,
    add constraint review_item_check check ((status = 'open') = (decided_at is null)),
    add constraint review_item_status_check check (status in ('open', 'approved', 'rejected', 'expired', 'resolved'));

alter table list_pipeline.plan
    drop constraint plan_withdrawn_check,
    drop constraint plan_status_check;
update list_pipeline.plan set status = 'rejected', decided_at = withdrawn_at, decided_by = withdrawn_by
where status = 'withdrawn';
alter table list_pipeline.plan
    drop column withdrawn_by,
    drop column withdrawn_at,
    add constraint plan_status_check check (status in
        ('planned', 'pending_review', 'approved', 'rejected', 'expired', 'executed', 'superseded'));
