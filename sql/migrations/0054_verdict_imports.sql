-- Contacts that a file says are not to be mailed become a plan of their own, which belongs to no campaign.

alter table list_pipeline.plan
    drop constraint plan_kind_check,
    drop constraint plan_campaign_check,
    add constraint plan_kind_check
        check (kind in ('suppression', 'rebalancing', 'undo', 'redo', 'rollback', 'manual', 'repair', 'import')),
    add constraint plan_campaign_check check ((campaign_id is null) = (sweep is null)
        and (campaign_id is not null) = (kind not in ('manual', 'repair', 'import')));
