-- A person says of a send or a draft that cannot be read that it is no round of a cycle, and may take that back. The latest word on
-- a row holds, also when the row can be read again.

create table list_pipeline.unreadable_ruling (
    ruling_id   integer generated always as identity primary key,
    kind        text not null check (kind in ('campaign', 'campaigndraft')),
    -- Mailjet's id, or below zero as in unreadable_row.
    row_id      bigint not null check (row_id <> 0),
    is_no_round boolean not null,
    ruled_at    timestamptz not null,
    ruled_by    text not null check (ruled_by <> ''),
    note        text not null check (note <> '')
);
