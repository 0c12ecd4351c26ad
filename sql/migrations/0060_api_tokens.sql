-- Who may call the HTTP service: tokens as hashes, each named after a person. No row is ever deleted: they are the record of who
-- was let in, by whom and until when.

create table list_pipeline.api_token (
    token_id     bigint generated always as identity primary key,
    -- SHA-256 of the token, which is kept nowhere.
    token_hash   text not null unique,
    name         text not null,
    role         text not null check (role in ('reader', 'operator', 'reviewer', 'administrator')),
    created_at   timestamptz not null,
    created_by   text not null,
    expires_at   timestamptz not null,
    -- To the hour.
    last_used_at timestamptz,
    revoked_at   timestamptz,
    revoked_by   text,
    revoked_why  text,
    check (token_hash ~ '^[0-9a-f]{64}$'),
    check (name <> '' and created_by <> ''),
    check (expires_at > created_at),
    check ((revoked_at is null) = (revoked_by is null) and (revoked_at is null) = (revoked_why is null))
);

-- How many requests a caller made in the present minute.
create table list_pipeline.api_caller (
    caller          text primary key,
    minute_began_at timestamptz not null,
    requests        integer not null,
    check (caller <> '' and requests > 0)
);
