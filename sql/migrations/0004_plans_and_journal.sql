-- What is intended (plans), what waits for a person (review items), and what was done about it (journal).

create sequence list_pipeline.mutation_fence;

create table list_pipeline.plan (
    plan_id        integer generated always as identity primary key,
    campaign_id    integer not null references list_pipeline.campaign_schedule (id) on delete restrict,
    kind           text not null check (kind in ('suppression', 'rebalancing')),
    sweep          text not null check (sweep in ('24h', '72h', '7d')),
    revision       smallint not null default 1 check (revision > 0),
    content_hash   text not null check (content_hash ~ '^[0-9a-f]{64}$'),
    policy_version text not null,
    status         text not null check (status in
                   ('planned', 'pending_review', 'approved', 'rejected', 'expired', 'executed', 'superseded')),
    summary        jsonb not null default '{}',
    gate           jsonb not null default '{}',
    created_at     timestamptz not null,
    decided_at     timestamptz,
    decided_by     text,
    executed_at    timestamptz,
    unique (campaign_id, kind, sweep, revision),
    check ((decided_at is null) = (decided_by is null))
);
create index plan_status_idx on list_pipeline.plan (status);

create table list_pipeline.plan_item (
    plan_id      integer not null references list_pipeline.plan (plan_id) on delete cascade,
    contact_id   bigint not null,
    action       text not null check (action in ('suppress', 'monitor', 'keep', 'move', 'enrol')),
    from_role    text check (from_role in ('campaign_1', 'campaign_2', 'campaign_3')),
    to_role      text check (to_role in ('campaign_1', 'campaign_2', 'campaign_3', 'suppression')),
    is_held      boolean not null default false,
    reason       text not null,
    bounce_class text,
    bounce_type  text,
    bounce_count integer check (bounce_count >= 0),
    rule         text not null,
    confidence   double precision check (confidence between 0 and 1),
    evidence     jsonb not null default '[]',
    explanation  text not null default '',
    primary key (plan_id, contact_id),
    check ((action = 'move') = (from_role is not null)),
    check ((action in ('move', 'enrol', 'suppress')) = (to_role is not null))
);

create table list_pipeline.mailjet_job (
    job_id         integer generated always as identity primary key,
    plan_id        integer not null references list_pipeline.plan (plan_id) on delete restrict,
    mailjet_job_id bigint,
    actions        jsonb not null,
    contact_count  integer not null check (contact_count > 0),
    state          text not null check (state in ('submitting', 'submitted', 'finished', 'failed')),
    sizes_before   jsonb not null default '{}',
    error          text,
    fence          bigint not null,
    submitting_at  timestamptz not null,
    submitted_at   timestamptz,
    finished_at    timestamptz
);
create index mailjet_job_plan_idx on list_pipeline.mailjet_job (plan_id);

create table list_pipeline.change (
    change_id   bigint generated always as identity primary key,
    plan_id     integer not null references list_pipeline.plan (plan_id) on delete restrict,
    contact_id  bigint not null,
    kind        text not null check (kind in ('suppress', 'move', 'enrol')),
    -- Where the contact was and how, before we touched it: an undo lifts only what we set.
    before      jsonb not null,
    created_at  timestamptz not null,
    unique (plan_id, contact_id)
);
create index change_contact_idx on list_pipeline.change (contact_id);

create table list_pipeline.change_step (
    change_id  bigint not null references list_pipeline.change (change_id) on delete restrict,
    ordinal    smallint not null check (ordinal > 0),
    action     text not null check (action in ('add', 'remove', 'exclude')),
    list_role  text check (list_role in ('master', 'campaign_1', 'campaign_2', 'campaign_3', 'suppression')),
    state      text not null check (state in
               ('planned', 'submitting', 'submitted', 'confirmed', 'failed', 'skipped', 'compensated')),
    job_id     integer references list_pipeline.mailjet_job (job_id) on delete restrict,
    attempts   smallint not null default 0 check (attempts >= 0),
    note       text,
    changed_at timestamptz not null,
    primary key (change_id, ordinal),
    check ((action = 'exclude') = (list_role is null))
);
create index change_step_open_idx on list_pipeline.change_step (state)
    where state in ('planned', 'submitting', 'submitted');

create table list_pipeline.review_item (
    review_id   integer generated always as identity primary key,
    campaign_id integer references list_pipeline.campaign_schedule (id) on delete cascade,
    plan_id     integer references list_pipeline.plan (plan_id) on delete cascade,
    contact_id  bigint,
    kind        text not null check (kind in ('plan', 'incident', 'failed_item', 'finding')),
    summary     text not null,
    details     jsonb not null default '{}',
    status      text not null default 'open' check (status in ('open', 'approved', 'rejected', 'expired', 'resolved')),
    created_at  timestamptz not null,
    decided_at  timestamptz,
    decided_by  text,
    note        text,
    check ((status = 'open') = (decided_at is null))
);
create index review_item_status_idx on list_pipeline.review_item (status);
create unique index review_item_once_idx
    on list_pipeline.review_item (plan_id, kind, coalesce(contact_id, 0), md5(summary)) where plan_id is not null;

create table list_pipeline.list_snapshot (
    campaign_id        integer not null references list_pipeline.campaign_schedule (id) on delete cascade,
    sweep              text not null check (sweep in ('24h', '72h', '7d')),
    phase              text not null check (phase in ('before', 'middle', 'after')),
    list_role          text not null check (list_role in ('master', 'campaign_1', 'campaign_2', 'campaign_3', 'suppression')),
    raw_count          integer not null check (raw_count >= 0),
    mailable_count     integer not null check (mailable_count >= 0 and mailable_count <= raw_count),
    taken_at           timestamptz not null,
    primary key (campaign_id, sweep, phase, list_role)
);
