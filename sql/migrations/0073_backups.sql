-- Backups of this schema that were taken, and times at which one was restored here. The files stand elsewhere; a restored database
-- knows those that were taken before it.

create table list_pipeline.backup (
    backup_id      integer generated always as identity primary key,
    name           text not null unique check (name <> ''),
    -- The instant that it shows.
    taken_at       timestamptz not null,
    size_bytes     bigint not null check (size_bytes > 0),
    sha256         text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    -- The newest migration that it has.
    schema_version text not null check (schema_version <> ''),
    -- When it was restored into a database of its own and compared; null: never.
    verified_at    timestamptz
);
create index backup_taken_at_idx on list_pipeline.backup (taken_at);

create table list_pipeline.restoration (
    restoration_id integer generated always as identity primary key,
    restored_at    timestamptz not null,
    backup_name    text not null check (backup_name <> ''),
    -- The instant that the backup shows.
    taken_at       timestamptz not null,
    restored_by    text not null check (restored_by <> ''),
    reason         text not null check (reason <> '')
);
