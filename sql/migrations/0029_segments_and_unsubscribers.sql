-- A send to a segment of a list that has the content of the open cycle is asked about; it is a round only if a person says so.

alter table list_pipeline.campaign_schedule
    add column is_segment boolean not null default false,
    drop constraint campaign_schedule_round_doubt_check,
    add constraint campaign_schedule_round_doubt_check
        check (round_doubt in ('same_list', 'other_content', 'resent', 'segment'));

-- Who unsubscribed and stands subscribed on a campaign list again is a finding of its own.

alter table list_pipeline.reconciliation_finding
    drop constraint reconciliation_finding_kind_check,
    add constraint reconciliation_finding_kind_check
        check (kind in ('missing_at_mailjet', 'unknown_to_us', 'unsubscribed_differs', 'exclusion_differs',
                        'in_two_campaign_lists', 'suppressed_and_listed', 'suppression_undone', 'suppressed_by_others',
                        'unsubscribed_and_listed'));
