-- The ledger of maintenance, the weekly health checks, and the history of suppressions.

create table list_pipeline.list_maintenance_log (
    id                      integer generated always as identity primary key,
    campaign_schedule_id    integer references list_pipeline.campaign_schedule (id) on delete set null on update cascade,
    maintenance_type        text not null check (maintenance_type in
                            ('post_campaign', 'weekly_health', 'pre_campaign_validation')),
    sweep                   text not null default '24h' check (sweep in ('24h', '72h', '7d')),
    attempt                 smallint not null default 1 check (attempt > 0),
    executed_at             timestamptz not null,
    -- The last sign of life: a running row without one for long belongs to a run that died.
    touched_at              timestamptz not null,
    finished_at             timestamptz,
    run_id                  text,
    bounce_data             jsonb,
    bounce_analysis         jsonb,
    suppression_plan        jsonb,
    rebalancing_plan        jsonb,
    ai_assessments          jsonb,
    before_state            jsonb,
    after_state             jsonb,
    contacts_suppressed     integer not null default 0 check (contacts_suppressed >= 0),
    contacts_rebalanced     integer not null default 0 check (contacts_rebalanced >= 0),
    execution_time_ms       bigint check (execution_time_ms >= 0),
    status                  text not null check (status in
                            ('running', 'success', 'partial_success', 'failed', 'pending_review', 'rejected',
                             'rolled_back', 'read_only')),
    errors                  jsonb,
    slack_notification_sent boolean not null default false,
    slack_message_ts        text,
    unique nulls not distinct (campaign_schedule_id, maintenance_type, sweep, attempt),
    -- What cannot be known while a run is running must be there once it ended.
    check (status = 'running' or (finished_at is not null and execution_time_ms is not null
           and ai_assessments is not null and before_state is not null and after_state is not null))
);
create index list_maintenance_log_campaign_schedule_id_idx on list_pipeline.list_maintenance_log (campaign_schedule_id);
create index list_maintenance_log_executed_at_idx on list_pipeline.list_maintenance_log (executed_at);
create index list_maintenance_log_maintenance_type_idx on list_pipeline.list_maintenance_log (maintenance_type);
create index list_maintenance_log_status_idx on list_pipeline.list_maintenance_log (status);

create table list_pipeline.list_health_check (
    id                      integer generated always as identity primary key,
    executed_at             timestamptz not null,
    -- Null when the check failed before they were read: a zero would look like an empty list.
    master_list_size        integer check (master_list_size >= 0),
    campaign_list_1_size    integer check (campaign_list_1_size >= 0),
    campaign_list_2_size    integer check (campaign_list_2_size >= 0),
    campaign_list_3_size    integer check (campaign_list_3_size >= 0),
    suppression_list_size   integer check (suppression_list_size >= 0),
    balance_deviation       double precision check (balance_deviation >= 0),
    is_balanced             boolean,
    average_bounce_rate     double precision check (average_bounce_rate between 0 and 100),
    average_delivery_rate   double precision check (average_delivery_rate between 0 and 100),
    critical_issue_count    integer check (critical_issue_count >= 0),
    health_assessments      jsonb,
    weekly_report           jsonb,
    action_items            jsonb,
    urgency                 text check (urgency in ('low', 'medium', 'high', 'critical')),
    execution_time_ms       bigint check (execution_time_ms >= 0),
    status                  text not null check (status in ('running', 'success', 'failed')),
    errors                  jsonb,
    slack_notification_sent boolean not null default false,
    slack_message_ts        text,
    check (status <> 'success' or (master_list_size is not null and campaign_list_1_size is not null
           and campaign_list_2_size is not null and campaign_list_3_size is not null
           and suppression_list_size is not null and balance_deviation is not null and is_balanced is not null
           and health_assessments is not null and weekly_report is not null and action_items is not null
           and urgency is not null and execution_time_ms is not null))
);
create index list_health_check_executed_at_idx on list_pipeline.list_health_check (executed_at);
create index list_health_check_urgency_idx on list_pipeline.list_health_check (urgency);

create table list_pipeline.contact_suppression_history (
    id                        integer generated always as identity primary key,
    contact_id                bigint not null,
    email                     text not null,
    suppressed_at             timestamptz not null,
    reason                    text not null check (reason in
                              ('hard_bounce', 'soft_bounce_pattern', 'second_hit', 'complaint', 'manual')),
    bounce_type               text,
    bounce_count              integer check (bounce_count >= 0),
    ai_rationale              text,
    ai_confidence             double precision check (ai_confidence between 0 and 1),
    removed_from_lists        text[] not null default '{}',
    added_to_suppression_list boolean not null default false,
    maintenance_log_id        integer references list_pipeline.list_maintenance_log (id)
                              on delete set null on update cascade,
    change_id                 bigint unique references list_pipeline.change (change_id) on delete set null
);
create index contact_suppression_history_email_idx on list_pipeline.contact_suppression_history (lower(email));
create index contact_suppression_history_contact_id_idx on list_pipeline.contact_suppression_history (contact_id);
create index contact_suppression_history_suppressed_at_idx on list_pipeline.contact_suppression_history (suppressed_at);
create index contact_suppression_history_reason_idx on list_pipeline.contact_suppression_history (reason);
create index contact_suppression_history_maintenance_log_id_idx
    on list_pipeline.contact_suppression_history (maintenance_log_id);

create table list_pipeline.agent_record (
    record_id      integer generated always as identity primary key,
    campaign_id    integer references list_pipeline.campaign_schedule (id) on delete cascade,
    sweep          text check (sweep in ('24h', '72h', '7d')),
    agent          text not null,
    asked_at       timestamptz not null,
    source         text not null check (source in ('model', 'policy')),
    model          text,
    prompt_version text not null,
    prompt_hash    text not null,
    prompt         text not null,
    answer         text,
    opinion        jsonb not null,
    verdict        text not null,
    tokens         jsonb not null default '{}',
    latency_ms     integer check (latency_ms >= 0),
    finish_reason  text
);
create index agent_record_campaign_idx on list_pipeline.agent_record (campaign_id, agent);
