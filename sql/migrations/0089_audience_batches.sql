-- A new audience is divided over the campaign lists: a plan that a person asks for, and a row for each list that it gives some of
-- the audience to.

alter table list_pipeline.plan
    drop constraint plan_kind_check,
    drop constraint plan_campaign_check,
    add constraint plan_kind_check check (kind in ('suppression', 'rebalancing', 'undo', 'redo', 'rollback', 'manual', 'repair',
        'import', 'quarantine', 'release', 'split')),
    -- A quarantine belongs to a campaign, or to the person who asked for it; a release ends those of several campaigns.
    add constraint plan_campaign_check check ((campaign_id is null) = (sweep is null) and (kind = 'quarantine'
        or (campaign_id is not null) = (kind not in ('manual', 'repair', 'import', 'release', 'split'))));

create table list_pipeline.audience_batch (
    plan_id       integer not null references list_pipeline.plan (plan_id) on delete cascade,
    number        smallint not null check (number between 1 and 3),
    list_role     text not null check (list_role in ('campaign_1', 'campaign_2', 'campaign_3')),
    -- Places in the queue of the audience, the oldest contact being 1.
    first_place   integer not null check (first_place >= 1),
    last_place    integer not null check (last_place >= first_place),
    planned       integer not null check (planned = last_place - first_place + 1),
    -- The day (UTC) of the round with which they get their first mail, as it was planned.
    first_mail_on date not null,
    -- Null: no campaign was scheduled for the list, and the day is a proposal.
    first_mail_at timestamptz,
    campaign_id   integer references list_pipeline.campaign_schedule (id) on delete set null,
    -- How many of them are on the list by this plan; null: it was not carried out.
    enrolled      integer check (enrolled between 0 and planned),
    primary key (plan_id, number),
    unique (plan_id, list_role),
    check (campaign_id is null or first_mail_at is not null)
);
create index audience_batch_campaign_idx on list_pipeline.audience_batch (campaign_id);
