delete from list_pipeline.ignored_send where reason in ('workflow', 'transactional');

alter table list_pipeline.ignored_send
    drop constraint ignored_send_reason_check,
    add constraint ignored_send_reason_check
        check (reason in ('list_not_ours', 'no_list', 'segment', 'deleted', 'test_send'));

update list_pipeline.campaign_schedule set round_doubt = null where round_doubt in ('ab_test', 'unknown_type', 'at_once');

alter table list_pipeline.campaign_schedule
    drop constraint campaign_schedule_round_doubt_check,
    add constraint campaign_schedule_round_doubt_check
        check (round_doubt in ('same_list', 'other_content', 'resent', 'segment', 'closed_cycle'));

alter table list_pipeline.data_version drop column installation_id;
