-- Digests of a day or a week that were made, each once, and whether they were e-mailed.

create table list_pipeline.digest (
    period         text not null check (period in ('day', 'week')),
    -- The instant at which its span ends.
    due_at         timestamptz not null,
    made_at        timestamptz not null,
    email_attempts integer not null default 0 check (email_attempts >= 0),
    emailed_at     timestamptz,
    primary key (period, due_at)
);
