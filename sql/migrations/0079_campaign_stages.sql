-- What became of each stage of a campaign: told once for each time at which it was to be launched, or skipped, with the reason.
create table list_pipeline.campaign_stage (
    campaign_stage_id integer generated always as identity primary key,
    campaign_id       integer not null references list_pipeline.campaign_schedule (id) on delete cascade,
    stage             text not null check (stage in ('prelaunch', 'preflight', 'launch_warning', 'launch_confirmation', 'wrapup')),
    -- The launch that it belongs to: a campaign that is moved has its stages once more.
    launch_at         timestamptz not null,
    due_at            timestamptz not null,
    state             text not null check (state in ('told', 'skipped')),
    -- Why it was skipped, or for the preflight what its validation said.
    reason            text,
    message_key       text,
    noted_at          timestamptz not null,
    unique (campaign_id, stage, launch_at),
    check ((state = 'told') = (message_key is not null)),
    check (state = 'told' or reason <> '')
);

-- The log of notifications as people ask for it: each stage with its attempts at Slack, and what became of them.
create view list_pipeline.notification_log as
select c.campaign_stage_id as id, c.campaign_id as campaign_schedule_id, upper(c.stage) as stage,
       case when n.state = 'sent' then 'SUCCESS'
            when n.state in ('pending', 'unknown') or n.state is null then 'RETRYING'
            else 'FAILURE' end as status,
       greatest(coalesce(n.attempts, 0), 1) as attempt, n.last_error as error_message, n.message_ts as slack_message_id,
       n.sent_at, c.due_at
from list_pipeline.campaign_stage c left join list_pipeline.notification n using (message_key)
where c.state = 'told';
