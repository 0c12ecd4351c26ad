-- Every change of the operating mode by a person: what stops the product and what lets it go on is a decision like others.

create table list_pipeline.mode_change (
    mode_change_id integer generated always as identity primary key,
    -- Null: given back to the setting and the graduation.
    mode           text check (mode in ('read_only', 'approval_required', 'auto')),
    changed_by     text not null check (changed_by <> ''),
    note           text,
    changed_at     timestamptz not null
);

insert into list_pipeline.mode_change (mode, changed_by, changed_at)
select set_mode, coalesce(nullif(set_by, ''), 'unknown'), set_at from list_pipeline.mode_state
where set_mode is not null and set_at is not null;
