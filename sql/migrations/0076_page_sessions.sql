-- Browsers that are signed in on the pages, each with the token that a person signed in with: a token that is revoked or over ends
-- them with it. The secret of a session is in a cookie and kept nowhere; no row is deleted before its token's.

create table list_pipeline.page_session (
    session_id   bigint generated always as identity primary key,
    -- SHA-256 of the secret in the cookie.
    session_hash text not null unique,
    token_id     bigint not null references list_pipeline.api_token (token_id) on delete cascade,
    created_at   timestamptz not null,
    expires_at   timestamptz not null,
    -- When the person signed out; null: not yet.
    ended_at     timestamptz,
    check (session_hash ~ '^[0-9a-f]{64}$'),
    check (expires_at > created_at),
    check (ended_at >= created_at)
);
create index page_session_token_idx on list_pipeline.page_session (token_id);
