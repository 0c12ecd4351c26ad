-- Sessions that held one of the product's locks and did nothing: who it was, and whether it was ended. People are told once a row.

create table list_pipeline.stuck_session (
    stuck_session_id integer generated always as identity primary key,
    lock_name        text not null check (lock_name <> ''),
    -- What the session calls itself, without addresses.
    holder           text not null check (holder <> ''),
    pid              integer not null,
    -- Null: PostgreSQL hides it from our user.
    began_at         timestamptz,
    state            text not null,
    silent_seconds   double precision not null check (silent_seconds >= 0),
    was_ended        boolean not null,
    noticed_at       timestamptz not null,
    message_key      text,
    unique nulls not distinct (lock_name, pid, began_at)
);
