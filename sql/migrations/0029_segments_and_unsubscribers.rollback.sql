delete from list_pipeline.reconciliation_finding where kind = 'unsubscribed_and_listed';

alter table list_pipeline.reconciliation_finding
    drop constraint reconciliation_finding_kind_check,
    add constraint reconciliation_finding_kind_check
        check (kind in ('missing_at_mailjet', 'unknown_to_us', 'unsubscribed_differs', 'exclusion_differs',
                        'in_two_campaign_lists', 'suppressed_and_listed', 'suppression_undone', 'suppressed_by_others'));

update list_pipeline.campaign_schedule set round_doubt = null where round_doubt = 'segment';

alter table list_pipeline.campaign_schedule
    drop column is_segment,
    drop constraint campaign_schedule_round_doubt_check,
    add constraint campaign_schedule_round_doubt_check check (round_doubt in ('same_list', 'other_content', 'resent'));
