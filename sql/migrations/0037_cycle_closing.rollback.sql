update list_pipeline.campaign_schedule set round_doubt = null where round_doubt in ('closed_cycle');

alter table list_pipeline.campaign_schedule
    drop constraint campaign_schedule_round_doubt_check,
    add constraint campaign_schedule_round_doubt_check
        check (round_doubt in ('same_list', 'other_content', 'resent', 'segment'));

drop table list_pipeline.cycle_closing;
