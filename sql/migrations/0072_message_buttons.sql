-- What messages in Slack ask with buttons, and how far each of them says what became of it; and who was called in when half the
-- time was over.

create table list_pipeline.message_button (
    button_id       bigint generated always as identity primary key,
    notification_id integer not null references list_pipeline.notification (notification_id) on delete cascade,
    plan_id         integer references list_pipeline.plan (plan_id) on delete cascade,
    review_id       integer references list_pipeline.review_item (review_id) on delete cascade,
    -- The standing that the message shows, as the statement that compares it calls it.
    shown           text not null default 'waits:0',
    attempts        integer not null default 0,
    next_attempt_at timestamptz,
    -- Why the message is left as it is: somebody deleted it, or Slack takes no change of it any more.
    given_up_why    text,
    check ((plan_id is null) <> (review_id is null)),
    check (shown <> '' and attempts >= 0),
    unique nulls not distinct (notification_id, plan_id, review_id)
);
create index message_button_plan_idx on list_pipeline.message_button (plan_id) where plan_id is not null;
create index message_button_review_idx on list_pipeline.message_button (review_id) where review_id is not null;

create table list_pipeline.plan_escalation (
    plan_id      integer primary key references list_pipeline.plan (plan_id) on delete cascade,
    escalated_at timestamptz not null,
    -- Slack's id of the user or group.
    escalated_to text not null,
    check (escalated_to <> '')
);
