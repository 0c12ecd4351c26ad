-- Who approved a plan, where one person is not enough, and which way a person took to decide.

create table list_pipeline.plan_approval (
    plan_id     integer not null references list_pipeline.plan (plan_id) on delete cascade,
    -- The name as it is compared: whoever comes by two ways is one person.
    person_key  text not null,
    person      text not null,
    approved_at timestamptz not null,
    way         text check (way in ('command', 'http', 'dagster', 'slack', 'page', 'mcp')),
    note        text,
    primary key (plan_id, person_key),
    check (person_key <> '' and person <> '')
);

-- Null: nobody decided, the gate did, or it was decided before the way was kept.
alter table list_pipeline.plan
    add column decided_via text check (decided_via in ('command', 'http', 'dagster', 'slack', 'page', 'mcp'));
alter table list_pipeline.review_item
    add column decided_via text check (decided_via in ('command', 'http', 'dagster', 'slack', 'page', 'mcp'));
