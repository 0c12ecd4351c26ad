-- Earlier versions know no redo. What one did stands in the lists, and counts there as done by hand.
update list_pipeline.change c set reverses_change_id = null
from list_pipeline.change r join list_pipeline.plan p using (plan_id)
where c.reverses_change_id = r.change_id and p.kind = 'redo';
delete from list_pipeline.change_step s using list_pipeline.change c, list_pipeline.plan p
    where s.change_id = c.change_id and c.plan_id = p.plan_id and p.kind = 'redo';
delete from list_pipeline.change c using list_pipeline.plan p where c.plan_id = p.plan_id and p.kind = 'redo';
delete from list_pipeline.mailjet_job j using list_pipeline.plan p where j.plan_id = p.plan_id and p.kind = 'redo';
delete from list_pipeline.plan where kind = 'redo';
alter table list_pipeline.plan
    drop constraint plan_kind_check,
    add constraint plan_kind_check check (kind in ('suppression', 'rebalancing', 'undo', 'rollback', 'manual', 'repair'));
