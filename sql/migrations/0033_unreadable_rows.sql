-- Rows of Mailjet's answers that could not be read: which, what is wrong with them, since when. Never a value of the row.

create table list_pipeline.unreadable_row (
    unreadable_row_id   integer generated always as identity primary key,
    kind                text not null check (kind in (
                            'contactslist', 'contact', 'listrecipient', 'campaign', 'campaigndraft', 'bouncestatistics',
                            'message')),
    -- Mailjet's id of the row; below zero a number of our own for a row whose id cannot be read.
    row_id              bigint not null check (row_id <> 0),
    contact_id          bigint check (contact_id > 0),
    mailjet_campaign_id bigint check (mailjet_campaign_id > 0),
    list_id             bigint check (list_id > 0),
    -- It may be a round, or somebody who got one: nobody moves between lists while it is not read.
    holds_moves         boolean not null default false,
    problem             text not null check (problem <> ''),
    first_seen_at       timestamptz not null,
    last_seen_at        timestamptz not null,
    -- Null while it cannot be read. Rows are kept, so that people see what was and when it was over.
    ended_at            timestamptz
);
create unique index unreadable_row_open_idx on list_pipeline.unreadable_row (kind, row_id) where ended_at is null;
create index unreadable_row_contact_idx on list_pipeline.unreadable_row (contact_id) where ended_at is null;
