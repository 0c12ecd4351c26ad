delete from list_pipeline.limiter_state;

alter table list_pipeline.limiter_state
    drop column allowance,
    drop column refused_at,
    drop column paused_until,
    add column slowed_until timestamptz not null;
