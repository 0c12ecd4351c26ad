-- What rules and advisors make of the first figures of a send: written once, before it is told.
create table list_pipeline.wrapup_report (
    campaign_id integer primary key references list_pipeline.campaign_schedule (id) on delete cascade,
    written_at  timestamptz not null,
    -- The executive summary, and each assessment with its verdict, the rules' own, and its sentences.
    report      jsonb not null
);

-- The advisors are asked about a wrap-up too.
alter table list_pipeline.agent_record drop constraint agent_record_sweep_check;
alter table list_pipeline.agent_record
    add constraint agent_record_sweep_check check (sweep in ('wrapup', '24h', '72h', '7d'));
