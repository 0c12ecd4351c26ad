-- The weekly health check: one row a week, and what was measured in that week, which is never measured again.

alter table list_pipeline.list_health_check
    -- The Monday of the week in which the check is due. Null only in a row from before there were weekly checks.
    add column week date unique check (extract(isodow from week) = 1),
    add column run_id text,
    add column attempt smallint not null default 1 check (attempt > 0),
    -- The last sign of life: a running row without one for long belongs to a run that died.
    add column touched_at timestamptz,
    -- The seven days whose campaigns are looked at: after the first instant, up to the second.
    add column window_from timestamptz,
    add column window_to timestamptz,
    add column sizes_taken_at timestamptz,
    -- What has to be known about the sizes, e.g. why there are none; empty when they were taken in time.
    add column sizes_note text not null default '',
    add column total_issue_count integer check (total_issue_count >= 0),
    add column activity jsonb,
    -- Which figures changed against the week before; an empty array when that week was not checked.
    add column week_over_week jsonb,
    add constraint list_health_check_window_check check ((window_from is null) = (window_to is null)
        and window_from < window_to),
    drop constraint list_health_check_check,
    -- Sizes are known all or none: a past week that nobody measured has none, and words instead.
    add constraint list_health_check_success_check check (status <> 'success' or (
        num_nonnulls(master_list_size, campaign_list_1_size, campaign_list_2_size, campaign_list_3_size,
                     suppression_list_size) in (0, 5)
        and (master_list_size is not null or sizes_note <> '') and health_assessments is not null
        and weekly_report is not null and action_items is not null and urgency is not null
        and critical_issue_count is not null and execution_time_ms is not null));

create table list_pipeline.weekly_list_snapshot (
    week           date not null check (extract(isodow from week) = 1),
    list_role      text not null check (list_role in ('master', 'campaign_1', 'campaign_2', 'campaign_3', 'suppression')),
    raw_count      integer not null check (raw_count >= 0),
    mailable_count integer not null check (mailable_count >= 0 and mailable_count <= raw_count),
    taken_at       timestamptz not null,
    primary key (week, list_role)
);

create table list_pipeline.weekly_list_metrics (
    week             date not null check (extract(isodow from week) = 1),
    list_role        text not null check (list_role in ('campaign_1', 'campaign_2', 'campaign_3')),
    computed_at      timestamptz not null,
    -- Campaigns of the week whose bounces were read whole, and those of which they were not.
    campaigns        integer not null check (campaigns >= 0),
    unread_campaigns integer not null check (unread_campaigns >= 0),
    recipients       integer not null check (recipients >= 0),
    hard             integer not null check (hard >= 0),
    soft             integer not null check (soft >= 0),
    delivered        integer not null check (delivered >= 0),
    -- Of the contacts that the week's campaigns mailed, those who were suppressed at the check; null when not known.
    suppressed       integer check (suppressed >= 0),
    suppressed_of    integer check (suppressed_of > 0),
    last_campaign_at timestamptz,
    primary key (week, list_role),
    check (hard + soft + delivered <= recipients),
    check ((suppressed is null) = (suppressed_of is null) and suppressed <= suppressed_of)
);
