-- Work that was asked for over HTTP: its row is written at once, and its run is started by a sensor as soon as one looks.

create table list_pipeline.run_request (
    request_id    bigint generated always as identity primary key,
    kind          text not null check (kind in ('maintenance', 'health_check')),
    -- The campaign's key, or the week's Monday.
    partition_key text not null,
    attempt       integer not null check (attempt > 0),
    log_id        integer references list_pipeline.list_maintenance_log (id) on delete cascade on update cascade,
    check_id      integer references list_pipeline.list_health_check (id) on delete cascade,
    -- The run that the row had when this was asked: another one there means that the work was taken up.
    run_before    text,
    requested_at  timestamptz not null,
    requested_by  text not null,
    -- When a run had it; null: none yet.
    started_at    timestamptz,
    check ((kind = 'maintenance') = (log_id is not null) and (kind = 'health_check') = (check_id is not null)),
    check (partition_key <> '' and requested_by <> '')
);
create index run_request_open_idx on list_pipeline.run_request (request_id) where started_at is null;

-- What was answered to a request with an Idempotency-Key.
create table list_pipeline.api_answer (
    caller       text not null,
    key          text not null,
    -- SHA-256 of what was asked for.
    request_hash text not null check (request_hash ~ '^[0-9a-f]{64}$'),
    answer       text not null,
    answered_at  timestamptz not null,
    primary key (caller, key)
);
