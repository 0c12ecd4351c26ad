-- What the advisors said: complete records, assessments of list health, and the daily review of what was decided.

alter table list_pipeline.agent_record
    -- A week's Monday for what is asked by the weekly check; campaign and sweep are null then.
    add column week date,
    -- What the question was about where one advisor asks several in a run, e.g. the list.
    add column subject text not null default '',
    add column outcome text not null default 'accepted'
        check (outcome in ('accepted', 'trimmed', 'refused', 'unreadable', 'unanswered', 'not_asked')),
    add column model_version text,
    add column requests smallint not null default 0 check (requests >= 0),
    -- Null: the price of the model is not known.
    add column cost_usd numeric(12, 6) check (cost_usd >= 0),
    -- The confidence that the model gave of itself, from 0 to 1; null when it gave none.
    add column confidence double precision check (confidence between 0 and 1);
update list_pipeline.agent_record set outcome = 'not_asked' where source = 'policy';
create index agent_record_question_idx on list_pipeline.agent_record (agent, prompt_hash);
create index agent_record_asked_at_idx on list_pipeline.agent_record (asked_at);

create table list_pipeline.list_health_assessment (
    assessment_id     integer generated always as identity primary key,
    campaign_id       integer references list_pipeline.campaign_schedule (id) on delete cascade,
    sweep             text check (sweep in ('24h', '72h', '7d')),
    week              date,
    list_role         text not null check (list_role in ('campaign_1', 'campaign_2', 'campaign_3')),
    assessed_at       timestamptz not null,
    -- The figures that both the rules and the advisor saw, rates with their intervals.
    figures           jsonb not null,
    rules_status      text not null check (rules_status in ('healthy', 'warning', 'critical')),
    rules_urgency     text not null check (rules_urgency in ('low', 'medium', 'high', 'critical')),
    -- The worse of the rules' and the advisor's.
    status            text not null check (status in ('healthy', 'warning', 'critical')),
    urgency           text not null check (urgency in ('low', 'medium', 'high', 'critical')),
    reputation_impact text not null,
    confidence        double precision check (confidence between 0 and 1),
    concerns          jsonb not null,
    risk_factors      jsonb not null,
    rationale         text not null,
    source            text not null check (source in ('model', 'policy')),
    check ((campaign_id is null) = (sweep is null) and (campaign_id is null) <> (week is null)),
    unique nulls not distinct (campaign_id, sweep, week, list_role)
);

create table list_pipeline.decision_review (
    day         date primary key,
    reviewed_at timestamptz not null,
    run_id      text,
    -- Counts by rule, by action, by outcome of the advisors, and people's agreement, as the report of the day shows them.
    figures     jsonb not null
);

-- Known words and codes of the receiver's text, a closed vocabulary; the text itself is not kept.
alter table list_pipeline.bounce_event
    add column server_words text not null default '' check (length(server_words) <= 200);
