-- The rate that Mailjet's refusals taught replaces a halving of five minutes: what is in the row now is forgotten within minutes
-- anyway.

delete from list_pipeline.limiter_state;

alter table list_pipeline.limiter_state
    drop column slowed_until,
    -- Requests in any 60 s right after the last refusal.
    add column allowance    integer not null check (allowance >= 1),
    add column refused_at   timestamptz not null,
    add column paused_until timestamptz;
