-- Whether the five configured lists are the five lists: what a person confirmed, and what was read last.

-- The list that our rows are of, and its name at Mailjet; null until it is read again.
alter table list_pipeline.sync_state
    add column mailjet_list_id bigint,
    add column list_name text;

create table list_pipeline.list_confirmation (
    confirmation_id integer generated always as identity primary key,
    confirmed_at    timestamptz not null,
    confirmed_by    text not null check (confirmed_by <> ''),
    note            text,
    -- The rules that did not hold: somebody confirmed in spite of them.
    despite         text[] not null default '{}',
    check (despite = '{}' or note is not null)
);

create table list_pipeline.confirmed_list (
    confirmation_id integer not null references list_pipeline.list_confirmation (confirmation_id) on delete cascade,
    list_role       text not null
                    check (list_role in ('master', 'campaign_1', 'campaign_2', 'campaign_3', 'suppression')),
    mailjet_list_id bigint not null,
    -- Null: worked with before, and not read since.
    name            text,
    raw_count       integer not null check (raw_count >= 0),
    mailable_count  integer not null check (mailable_count >= 0),
    -- Contacts that it shared with each of the other lists, by role.
    shared          jsonb not null,
    primary key (confirmation_id, list_role),
    unique (confirmation_id, mailjet_list_id)
);
