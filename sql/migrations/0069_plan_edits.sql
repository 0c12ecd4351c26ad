-- Plans that a person edited: which one came of which, who was left out, by whom and why.
create table list_pipeline.plan_edit (
    plan_id        integer primary key references list_pipeline.plan (plan_id) on delete cascade,
    -- A plan is edited once; whoever edits again edits what came of it.
    edited_plan_id integer not null unique references list_pipeline.plan (plan_id) on delete cascade,
    edited_by      text not null check (edited_by <> ''),
    reason         text not null check (reason <> ''),
    edited_at      timestamptz not null,
    contact_ids    bigint[] not null check (cardinality(contact_ids) > 0),
    check (plan_id > edited_plan_id)
);
