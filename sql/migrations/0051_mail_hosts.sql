-- Who takes the mail of a custom domain, as DNS said when it was asked last. What it did not answer is not kept.

create table list_pipeline.mail_host (
    -- Lower case.
    domain   text primary key,
    -- The first mail host; null: DNS says that nobody takes mail for the domain.
    host     text,
    asked_at timestamptz not null,
    check (domain <> '' and host <> '')
);
