
-- An earlier version would take the contacts of such a repair for contacts to suppress.
update list_pipeline.plan set status = 'withdrawn', withdrawn_at = now(), withdrawn_by = 'migration'
where kind = 'repair' and summary ->> 'kind' = 'left' and status in ('planned', 'pending_review', 'approved');
-- Nobody can decide on what is withdrawn.
update list_pipeline.review_item r set status = 'resolved', decided_at = now(), decided_by = 'migration'
from list_pipeline.plan p
where p.plan_id = r.plan_id and p.kind = 'repair' and p.summary ->> 'kind' = 'left' and r.kind = 'plan' and r.status = 'open';
update list_pipeline.plan set summary = jsonb_set(summary, '{kind}', '"missing_at_mailjet"')
where kind = 'repair' and summary ->> 'kind' = 'left';
update list_pipeline.review_item set status = 'resolved', decided_at = now(), decided_by = 'migration'
where details ->> 'mass_change' is not null and status = 'open';
drop table list_pipeline.list_edit;
drop table list_pipeline.mass_change_contact;
drop table list_pipeline.mass_change;
