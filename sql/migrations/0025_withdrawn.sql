-- An undo rewrites no decision: what it ends is withdrawn, by whom and when in columns of its own, and the ledger says how much
-- was taken back and how much stands.

alter table list_pipeline.plan
    add column withdrawn_at timestamptz,
    add column withdrawn_by text,
    drop constraint plan_status_check,
    add constraint plan_status_check check (status in
        ('planned', 'pending_review', 'approved', 'rejected', 'expired', 'executed', 'superseded', 'withdrawn')),
    add constraint plan_withdrawn_check check ((status = 'withdrawn') = (withdrawn_at is not null)
        and (withdrawn_at is null) = (withdrawn_by is null));

alter table list_pipeline.review_item
    add column withdrawn_at timestamptz,
    add column withdrawn_by text,
    drop constraint review_item_status_check,
    add constraint review_item_status_check
        check (status in ('open', 'approved', 'rejected', 'expired', 'resolved', 'withdrawn')),
    drop constraint review_item_check,
    -- Withdrawn before anybody decided, it has no decision.
    add constraint review_item_decided_check check (status = 'withdrawn' or (status = 'open') = (decided_at is null)),
    add constraint review_item_withdrawn_check check ((status = 'withdrawn') = (withdrawn_at is not null)
        and (withdrawn_at is null) = (withdrawn_by is null));

alter table list_pipeline.list_maintenance_log
    drop constraint list_maintenance_log_status_check,
    add constraint list_maintenance_log_status_check check (status in
        ('running', 'success', 'partial_success', 'failed', 'pending_review', 'rejected', 'rolled_back',
         'partly_rolled_back', 'read_only')),
    -- How the attempt stood before the first undo or rollback of it.
    add column status_before_undo text,
    -- Changes that are taken back, changes that stand all the same, and how many of these for which reason.
    add column changes_taken_back integer check (changes_taken_back >= 0),
    add column changes_left integer check (changes_left >= 0),
    add column left_because jsonb,
    add constraint list_maintenance_log_partly_check
        check (status <> 'partly_rolled_back' or changes_left is not null and left_because is not null);
