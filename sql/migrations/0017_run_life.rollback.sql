-- The errors of the stage `run` and the words about the deadline still stand in the rows; only this one was taken out.
update list_pipeline.list_maintenance_log set errors = coalesce(errors, '[]') || jsonb_build_array(jsonb_build_object(
    'stage', 'attempts', 'error', 'the last attempt failed; nothing more happens by itself', 'count', attempt))
where gave_up_at is not null;
alter table list_pipeline.list_maintenance_log
    drop constraint list_maintenance_log_at_work_check,
    drop column gave_up_at, drop column timed_out_at, drop column deadline_passed_at;
