-- Earlier versions know no quarantine: the exclusions that stand count there as set by a person, and are lifted at Mailjet by hand.
-- End them first: `list-pipeline quarantined` names them, and `list-pipeline release` lifts each.
drop table list_pipeline.quarantine;
delete from list_pipeline.review_item where plan_id in (
    select plan_id from list_pipeline.plan where kind in ('quarantine', 'release'));
delete from list_pipeline.change_step where change_id in (
    select c.change_id from list_pipeline.change c join list_pipeline.plan p using (plan_id)
    where p.kind in ('quarantine', 'release') or c.reverses_change_id in (
        select q.change_id from list_pipeline.change q where q.kind = 'quarantine'));
delete from list_pipeline.change c where c.reverses_change_id in (
    select q.change_id from list_pipeline.change q where q.kind = 'quarantine');
delete from list_pipeline.change c using list_pipeline.plan p where p.plan_id = c.plan_id and p.kind in ('quarantine', 'release');
delete from list_pipeline.mailjet_job j using list_pipeline.plan p
where p.plan_id = j.plan_id and p.kind in ('quarantine', 'release');
delete from list_pipeline.plan where kind in ('quarantine', 'release');
alter table list_pipeline.change
    drop constraint change_kind_check,
    add constraint change_kind_check check (kind in ('suppress', 'move', 'enrol', 'restore', 'remove'));
alter table list_pipeline.plan_item
    drop constraint plan_item_action_check,
    add constraint plan_item_action_check
        check (action in ('suppress', 'monitor', 'keep', 'move', 'enrol', 'restore', 'remove'));
alter table list_pipeline.plan
    drop constraint plan_kind_check,
    drop constraint plan_campaign_check,
    add constraint plan_kind_check
        check (kind in ('suppression', 'rebalancing', 'undo', 'redo', 'rollback', 'manual', 'repair', 'import')),
    add constraint plan_campaign_check check ((campaign_id is null) = (sweep is null)
        and (campaign_id is not null) = (kind not in ('manual', 'repair', 'import')));
