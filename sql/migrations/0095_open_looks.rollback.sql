drop index list_pipeline.work_timing_run_idx, list_pipeline.review_item_finding_idx, list_pipeline.review_item_campaign_idx, list_pipeline.plan_approved_idx;
drop index list_pipeline.cycle_complete_idx, list_pipeline.cycle_closed_at_idx, list_pipeline.cycle_open_idx, list_pipeline.cycle_opened_at_idx,
    list_pipeline.campaign_schedule_doubt_idx, list_pipeline.campaign_schedule_frozen_idx,
    list_pipeline.campaign_schedule_send_end_idx, list_pipeline.campaign_schedule_sent_idx,
    list_pipeline.campaign_schedule_round_sent_idx, list_pipeline.campaign_schedule_launch_idx;
drop trigger figures_kept on list_pipeline.campaign_metrics;
drop function list_pipeline.note_figures();
drop trigger look_begun on list_pipeline.list_maintenance_log;
drop function list_pipeline.note_look_begun();
alter table list_pipeline.list_maintenance_log drop column told_as, drop column is_latest;
alter table list_pipeline.campaign_schedule drop column has_figures, drop column is_looked_at, drop column begun_looks;
