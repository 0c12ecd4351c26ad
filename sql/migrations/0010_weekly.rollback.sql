drop table list_pipeline.weekly_list_metrics;
drop table list_pipeline.weekly_list_snapshot;

-- A week without sizes has no place in the table as it was.
delete from list_pipeline.list_health_check where status = 'success' and (master_list_size is null
    or balance_deviation is null or is_balanced is null);
alter table list_pipeline.list_health_check
    drop constraint list_health_check_success_check,
    drop constraint list_health_check_window_check,
    drop column week, drop column run_id, drop column attempt, drop column touched_at, drop column window_from,
    drop column window_to, drop column sizes_taken_at, drop column sizes_note, drop column total_issue_count,
    drop column activity, drop column week_over_week,
    add constraint list_health_check_check check (status <> 'success' or (master_list_size is not null
        and campaign_list_1_size is not null and campaign_list_2_size is not null and campaign_list_3_size is not null
        and suppression_list_size is not null and balance_deviation is not null and is_balanced is not null
        and health_assessments is not null and weekly_report is not null and action_items is not null
        and urgency is not null and execution_time_ms is not null));
