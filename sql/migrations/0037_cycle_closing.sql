-- A person closes the open cycle without its missing rounds, and may open it again.

create table list_pipeline.cycle_closing (
    closing_id      integer generated always as identity primary key,
    cycle_number    integer not null check (cycle_number > 0),
    missing_lists   text[] not null check (cardinality(missing_lists) between 1 and 2
                        and missing_lists <@ array['campaign_1', 'campaign_2', 'campaign_3']),
    missed_contacts integer not null check (missed_contacts >= 0),
    closed_at       timestamptz not null,
    closed_by       text not null,
    note            text not null,
    reopened_at     timestamptz check (reopened_at >= closed_at),
    reopened_by     text,
    reopened_note   text,
    check ((reopened_at is null) = (reopened_by is null) and (reopened_at is null) = (reopened_note is null))
);

-- A send with the content of a cycle that was closed without it is asked about.

alter table list_pipeline.campaign_schedule
    drop constraint campaign_schedule_round_doubt_check,
    add constraint campaign_schedule_round_doubt_check
        check (round_doubt in ('same_list', 'other_content', 'resent', 'segment', 'closed_cycle'));
