update list_pipeline.campaign_schedule set round_doubt = null where round_doubt = 'segment';

alter table list_pipeline.campaign_schedule
    drop column is_segment,
    drop constraint campaign_schedule_round_doubt_check,
    add constraint campaign_schedule_round_doubt_check check (round_doubt in ('same_list', 'other_content', 'resent'));
