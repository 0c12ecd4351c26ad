-- What became of a run as columns; until here they were an error of the stage `attempts` (the last attempt failed), one of
-- the stage `run` (its run gave no sign of life), and the first words of another one (the time was over).
alter table list_pipeline.list_maintenance_log
    -- When the last attempt failed: nothing more happens by itself.
    add column gave_up_at timestamptz,
    -- When the attempt was ended because its run gave no sign of life.
    add column timed_out_at timestamptz,
    -- When something of the attempt was not begun because its time was over; it may have ended well otherwise.
    add column deadline_passed_at timestamptz;

-- No other error has this stage. The other two errors stay: their words are for people.
update list_pipeline.list_maintenance_log set
    gave_up_at = coalesce(finished_at, touched_at),
    errors = (select coalesce(jsonb_agg(e order by n), '[]') from jsonb_array_elements(errors) with ordinality as x(e, n)
              where e ->> 'stage' <> 'attempts')
where errors @> '[{"stage": "attempts"}]' and status <> 'running';
update list_pipeline.list_maintenance_log set timed_out_at = coalesce(finished_at, touched_at)
where errors @> '[{"stage": "run", "error": "its run died"}]' and status in ('failed', 'partial_success');
update list_pipeline.list_maintenance_log set deadline_passed_at = coalesce(finished_at, touched_at)
where exists (select 1 from jsonb_array_elements(errors) e where starts_with(e ->> 'error', 'the deadline of '));

alter table list_pipeline.list_maintenance_log
    add constraint list_maintenance_log_at_work_check check (status <> 'running'
        or (gave_up_at is null and timed_out_at is null));
