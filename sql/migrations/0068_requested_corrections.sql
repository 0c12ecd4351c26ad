-- Corrections that people ask for over HTTP: carried out by a run, since each talks with Mailjet, and their row says what became of
-- them. A maintenance and a weekly check have a row of their own for that.

alter table list_pipeline.run_request
    alter column partition_key drop not null,
    -- Whom it is about; none: a whole campaign.
    add column contact_ids bigint[] not null default '{}',
    add column sweep text check (sweep in ('24h', '72h', '7d')),
    add column note text not null default '',
    add column despite_complaint boolean not null default false,
    add column ended_at timestamptz,
    add column outcome text check (outcome in ('done', 'incomplete', 'waits', 'nothing', 'refused', 'failed')),
    -- What became of it, for people, and the plans that it made.
    add column words text not null default '',
    add column plan_ids integer[] not null default '{}',
    drop constraint run_request_kind_check,
    drop constraint run_request_check,
    drop constraint run_request_check1,
    add constraint run_request_kind_check
        check (kind in ('maintenance', 'health_check', 'undo', 'redo', 'reinstate', 'release', 'suppress')),
    add constraint run_request_row_check
        check ((kind = 'maintenance') = (log_id is not null) and (kind = 'health_check') = (check_id is not null)),
    add constraint run_request_words_check check (partition_key <> '' and requested_by <> ''),
    add constraint run_request_about_check check (
        (kind in ('reinstate', 'release', 'suppress')) = (cardinality(contact_ids) > 0)
        and (kind in ('reinstate', 'release', 'suppress')) = (partition_key is null)
        and (kind in ('undo', 'redo')) = (sweep is not null)),
    add constraint run_request_end_check check (
        (ended_at is null) = (outcome is null) and (ended_at is null or started_at is not null));

-- What is asked for twice at once is one request.
create unique index run_request_asked_idx on list_pipeline.run_request
    (kind, coalesce(partition_key, ''), coalesce(sweep, ''), coalesce(contact_ids[1], 0))
    where ended_at is null and kind in ('undo', 'redo', 'reinstate', 'release');
create index run_request_unended_idx on list_pipeline.run_request (request_id)
    where ended_at is null and kind in ('undo', 'redo', 'reinstate', 'release', 'suppress');
