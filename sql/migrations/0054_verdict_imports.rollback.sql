-- Earlier versions know no import. What one did stands in the lists and in the history, and counts there as done by hand.
update list_pipeline.plan set kind = 'manual' where kind = 'import' and status not in ('planned', 'pending_review');
delete from list_pipeline.plan where kind = 'import';
alter table list_pipeline.plan
    drop constraint plan_kind_check,
    drop constraint plan_campaign_check,
    add constraint plan_kind_check
        check (kind in ('suppression', 'rebalancing', 'undo', 'redo', 'rollback', 'manual', 'repair')),
    add constraint plan_campaign_check check ((campaign_id is null) = (sweep is null)
        and (campaign_id is not null) = (kind not in ('manual', 'repair')));
