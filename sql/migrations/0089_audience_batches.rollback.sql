-- Earlier versions know no divided audience. Who was put on a list by one stays there, and counts as put there by a person.
drop table list_pipeline.audience_batch;
update list_pipeline.plan set kind = 'manual', summary = '{"what": "New audience divided over the lists", "refused": {}}'
where kind = 'split' and status not in ('planned', 'pending_review');
delete from list_pipeline.plan where kind = 'split';
alter table list_pipeline.plan
    drop constraint plan_kind_check,
    drop constraint plan_campaign_check,
    add constraint plan_kind_check check (kind in
        ('suppression', 'rebalancing', 'undo', 'redo', 'rollback', 'manual', 'repair', 'import', 'quarantine', 'release')),
    add constraint plan_campaign_check check ((campaign_id is null) = (sweep is null) and (kind = 'quarantine'
        or (campaign_id is not null) = (kind not in ('manual', 'repair', 'import', 'release'))));
