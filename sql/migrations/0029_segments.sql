-- A send to a segment of a list that has the content of the open cycle is asked about; it is a round only if a person says so.

alter table list_pipeline.campaign_schedule
    add column is_segment boolean not null default false,
    drop constraint campaign_schedule_round_doubt_check,
    add constraint campaign_schedule_round_doubt_check
        check (round_doubt in ('same_list', 'other_content', 'resent', 'segment'));
