-- How long work took and what it cost in requests, and how Dagster's runs ended. No addresses: a campaign is known by its key.

create table list_pipeline.work_timing (
    timing_id     bigint generated always as identity primary key,
    -- The job's name, also where its stages were run from the command line.
    workflow      text not null,
    -- A stage of the workflow, or `run` for a whole run, its stages included.
    stage         text not null,
    -- Dagster's run, or a number that one command gave itself.
    run_id        text not null,
    campaign_key  text,
    sweep         text check (sweep in ('24h', '72h', '7d')),
    -- The maintenance it belongs to: what goes on after a person's decision has the same row and another run.
    log_id        integer references list_pipeline.list_maintenance_log (id) on delete set null,
    started_at    timestamptz not null,
    finished_at   timestamptz not null,
    duration_ms   bigint not null check (duration_ms >= 0),
    outcome       text not null check (outcome in ('done', 'failed', 'stopped')),
    requests      integer not null default 0 check (requests >= 0),
    by_resource   jsonb not null default '{}',
    -- Waiting for the request limiter.
    waited_ms     bigint not null default 0 check (waited_ms >= 0),
    -- Requests of all processes in the busiest 60 s that ended meanwhile, and how many were allowed.
    rate_peak     integer not null default 0 check (rate_peak >= 0),
    rate_limit    integer not null check (rate_limit > 0),
    -- Most database connections of this process that were in use at once, and how many it may have.
    pool_peak     integer not null default 0 check (pool_peak >= 0),
    pool_limit    integer not null check (pool_limit > 0),
    check (finished_at >= started_at)
);
create index work_timing_finished_at_idx on list_pipeline.work_timing (finished_at);
create index work_timing_log_idx on list_pipeline.work_timing (log_id);

create table list_pipeline.job_run (
    run_id      text primary key,
    job         text not null,
    -- What asked for it; a person's run has none.
    started_by  text,
    partition_key text,
    -- The product's time at which the end was noted; Dagster's own clock is another one in a rehearsal.
    noted_at    timestamptz not null,
    status      text not null check (status in ('success', 'failure')),
    error       text,
    -- The message that told people; null for a success, and as long as nobody was told.
    told_in     text,
    told_at     timestamptz,
    check ((told_in is null) = (told_at is null)),
    check (status = 'failure' or (error is null and told_in is null))
);
create index job_run_noted_at_idx on list_pipeline.job_run (noted_at);
create index job_run_untold_idx on list_pipeline.job_run (job) where status = 'failure' and told_in is null;
