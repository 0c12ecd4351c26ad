-- Which installation this is: the keys of its cache begin with it, so that several share one Redis without meeting.
alter table list_pipeline.data_version add column installation_id uuid not null default gen_random_uuid();

-- A part of an A/B test, a send of a type that nobody documented and a list that is sent again at once are asked about; mails of
-- an automation and transactional ones are never rounds.

alter table list_pipeline.campaign_schedule
    drop constraint campaign_schedule_round_doubt_check,
    add constraint campaign_schedule_round_doubt_check
        check (round_doubt in ('same_list', 'other_content', 'resent', 'segment', 'closed_cycle', 'ab_test', 'unknown_type',
                               'at_once'));

alter table list_pipeline.ignored_send
    drop constraint ignored_send_reason_check,
    add constraint ignored_send_reason_check
        check (reason in ('list_not_ours', 'no_list', 'segment', 'deleted', 'test_send', 'workflow', 'transactional'));
