-- An undo can be taken back: a redo is a plan of its own, whose changes name those of the undo that they take back.

alter table list_pipeline.plan
    drop constraint plan_kind_check,
    add constraint plan_kind_check
        check (kind in ('suppression', 'rebalancing', 'undo', 'redo', 'rollback', 'manual', 'repair'));
