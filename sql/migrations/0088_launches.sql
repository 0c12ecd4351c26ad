-- Launch changes: a draft scheduled, moved, cancelled or sent from here. Each is asked for by a person, decided by a reviewer,
-- and written down before its request.

create table list_pipeline.launch_change (
    launch_id        integer generated always as identity primary key,
    mailjet_draft_id bigint not null,
    -- Null while the draft stands in no schedule of ours.
    campaign_id      integer references list_pipeline.campaign_schedule (id) on delete set null,
    action           text not null check (action in ('schedule', 'move', 'cancel', 'send')),
    state            text not null check (state in
        ('waiting', 'approved', 'rejected', 'expired', 'refused', 'submitting', 'confirmed', 'failed')),
    -- What was shown, and what its hash covers. Of the sender's address and the mail only hashes are kept.
    content_hash     text not null check (content_hash ~ '^[0-9a-f]{64}$'),
    list_role        text not null check (list_role in ('campaign_1', 'campaign_2', 'campaign_3')),
    list_id          bigint not null,
    subject          text not null,
    sender           text not null,
    sender_hash      text not null,
    body_hash        text not null,
    -- When Mailjet was to send it when it was asked for; null: it was not programmed.
    programmed_for   timestamptz,
    wanted_at        timestamptz,
    expected         integer check (expected >= 0),
    -- What the last validation found, and collisions: sentences, as they were shown.
    notes            text[] not null default '{}',
    asked_by         text not null check (asked_by <> ''),
    asked_at         timestamptz not null,
    note             text not null check (note <> ''),
    expires_at       timestamptz not null,
    decided_by       text,
    decided_at       timestamptz,
    decided_via      text check (decided_via in ('command', 'http', 'dagster', 'slack', 'page', 'mcp')),
    decision_note    text,
    attempts         smallint not null default 0 check (attempts >= 0),
    -- When its latest request was written down, right before it went out.
    submitting_at    timestamptz,
    ended_at         timestamptz,
    -- What became of it, as a sentence.
    words            text not null default '',
    check ((wanted_at is not null) = (action in ('schedule', 'move'))),
    check ((programmed_for is not null) = (action in ('move', 'cancel'))),
    check ((ended_at is null) = (state in ('waiting', 'approved', 'submitting'))),
    check ((decided_at is null) = (decided_by is null)),
    check (state <> 'submitting' or (submitting_at is not null and decided_at is not null))
);
-- A draft has one at a time.
create unique index launch_change_open_idx on list_pipeline.launch_change (mailjet_draft_id)
    where state in ('waiting', 'approved', 'submitting');
-- A draft is sent from here once at most, whatever became of it.
create unique index launch_change_sent_once_idx on list_pipeline.launch_change (mailjet_draft_id)
    where action = 'send' and submitting_at is not null;
create index launch_change_campaign_idx on list_pipeline.launch_change (campaign_id);
