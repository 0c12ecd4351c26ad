-- Complaints about the week's campaigns themselves, and how much more than by chance the account's campaigns differ (a share), as
-- it was when the week was counted. Null in weeks that were counted before either was kept.

alter table list_pipeline.weekly_list_metrics
    add column complaints integer check (complaints between 0 and recipients),
    add column overdispersion double precision check (overdispersion between 0 and 1);
