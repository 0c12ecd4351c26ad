-- Plans that people ask for (undo, reinstate, suppress, repair), rollback, decisions on single contacts, and what stops changes.

alter table list_pipeline.plan
    alter column campaign_id drop not null,
    alter column sweep drop not null,
    add column requested_by text,
    add column note text,
    drop constraint plan_kind_check,
    add constraint plan_kind_check check (kind in ('suppression', 'rebalancing', 'undo', 'rollback', 'manual', 'repair')),
    add constraint plan_campaign_check check ((campaign_id is null) = (sweep is null)
        and (campaign_id is not null) = (kind not in ('manual', 'repair')));

alter table list_pipeline.plan_item
    drop constraint plan_item_action_check,
    drop constraint plan_item_check,
    drop constraint plan_item_check1,
    add constraint plan_item_action_check
        check (action in ('suppress', 'monitor', 'keep', 'move', 'enrol', 'restore', 'remove')),
    add constraint plan_item_from_check check ((action in ('move', 'remove')) = (from_role is not null)),
    add constraint plan_item_to_check check ((action in ('move', 'enrol', 'suppress')) = (to_role is not null));

alter table list_pipeline.change
    -- The change that this one takes back; its steps become compensated when this one is confirmed.
    add column reverses_change_id bigint references list_pipeline.change (change_id) on delete restrict,
    drop constraint change_kind_check,
    add constraint change_kind_check check (kind in ('suppress', 'move', 'enrol', 'restore', 'remove'));
create index change_reverses_idx on list_pipeline.change (reverses_change_id) where reverses_change_id is not null;

alter table list_pipeline.change_step
    drop constraint change_step_action_check,
    drop constraint change_step_check,
    add constraint change_step_action_check check (action in ('add', 'remove', 'exclude', 'include', 'unsub')),
    add constraint change_step_role_check check ((action in ('exclude', 'include')) = (list_role is null));

alter table list_pipeline.review_item
    -- When an approved question about single contacts was carried out.
    add column executed_at timestamptz,
    drop constraint review_item_kind_check,
    add constraint review_item_kind_check
        check (kind in ('plan', 'incident', 'failed_item', 'finding', 'drift', 'correction'));

alter table list_pipeline.list_maintenance_log
    -- Since when this attempt works without a pause; the deadline counts from here.
    add column working_since timestamptz;

alter table list_pipeline.contact_suppression_history
    add column reinstated_at timestamptz,
    add column reinstated_by text,
    add constraint contact_suppression_history_reinstated_check check ((reinstated_at is null) = (reinstated_by is null));

alter table list_pipeline.mode_state
    -- The last sign of life of the whole installation: a gap may mean a database restored from an old backup.
    add column last_alive_at timestamptz,
    add column must_reconcile_since timestamptz,
    add column must_reconcile_because text,
    -- LIST_MANAGEMENT_ENABLED was seen off by whatever started last: how the setting reaches a run in progress.
    add column switched_off_at timestamptz,
    -- What the sensors noted, a command in another environment does not lift.
    add column switched_off_by text check (switched_off_by in ('sensor', 'command')),
    add constraint mode_state_switch_check check ((switched_off_at is null) = (switched_off_by is null)),
    add constraint mode_state_reconcile_check check ((must_reconcile_since is null) = (must_reconcile_because is null));

-- Everybody for whom a decision is awaited: whoever sends to a list or validates one looks here.
create view list_pipeline.contact_waiting as
    select i.contact_id, p.plan_id, p.kind, i.action, p.campaign_id, p.created_at as waiting_since
    from list_pipeline.plan p join list_pipeline.plan_item i using (plan_id)
    where i.action in ('suppress', 'move', 'enrol', 'restore', 'remove')
      and not exists (select 1 from list_pipeline.change c where c.plan_id = p.plan_id and c.contact_id = i.contact_id)
      and (p.status in ('pending_review', 'approved')
           or exists (select 1 from list_pipeline.review_item r
                      where r.plan_id = p.plan_id and (r.status = 'open' or r.status = 'approved' and r.executed_at is null)
                        and (r.contact_id = i.contact_id
                             or r.kind = 'incident' and r.details -> 'contact_ids' @> to_jsonb(i.contact_id))));
