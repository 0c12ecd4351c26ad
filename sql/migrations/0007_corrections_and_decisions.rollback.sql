drop view list_pipeline.contact_waiting;

alter table list_pipeline.mode_state
    drop column last_alive_at, drop column must_reconcile_since, drop column must_reconcile_because,
    drop column switched_off_at, drop column switched_off_by;

alter table list_pipeline.contact_suppression_history drop column reinstated_at, drop column reinstated_by;

alter table list_pipeline.list_maintenance_log drop column working_since;

delete from list_pipeline.review_item where kind in ('drift', 'correction');
alter table list_pipeline.review_item
    drop column executed_at,
    drop constraint review_item_kind_check,
    add constraint review_item_kind_check check (kind in ('plan', 'incident', 'failed_item', 'finding'));

-- What is taken back with this migration are the plans of its kinds, with their journals and jobs.
delete from list_pipeline.change_step s using list_pipeline.change c, list_pipeline.plan p
    where s.change_id = c.change_id and c.plan_id = p.plan_id and p.kind in ('undo', 'rollback', 'manual', 'repair');
delete from list_pipeline.change c using list_pipeline.plan p
    where c.plan_id = p.plan_id and p.kind in ('undo', 'rollback', 'manual', 'repair');
delete from list_pipeline.mailjet_job j using list_pipeline.plan p
    where j.plan_id = p.plan_id and p.kind in ('undo', 'rollback', 'manual', 'repair');
delete from list_pipeline.plan where kind in ('undo', 'rollback', 'manual', 'repair');

alter table list_pipeline.change_step
    drop constraint change_step_action_check,
    drop constraint change_step_role_check,
    add constraint change_step_action_check check (action in ('add', 'remove', 'exclude')),
    add constraint change_step_check check ((action = 'exclude') = (list_role is null));

alter table list_pipeline.change
    drop column reverses_change_id,
    drop constraint change_kind_check,
    add constraint change_kind_check check (kind in ('suppress', 'move', 'enrol'));

alter table list_pipeline.plan_item
    drop constraint plan_item_action_check,
    drop constraint plan_item_from_check,
    drop constraint plan_item_to_check,
    add constraint plan_item_action_check check (action in ('suppress', 'monitor', 'keep', 'move', 'enrol')),
    add constraint plan_item_check check ((action = 'move') = (from_role is not null)),
    add constraint plan_item_check1 check ((action in ('move', 'enrol', 'suppress')) = (to_role is not null));

alter table list_pipeline.plan
    drop constraint plan_campaign_check,
    drop constraint plan_kind_check,
    drop column requested_by, drop column note,
    alter column campaign_id set not null,
    alter column sweep set not null,
    add constraint plan_kind_check check (kind in ('suppression', 'rebalancing'));
