-- Which person a user of Slack is, and who said so. No row is ever deleted: they are the record of who could decide from there.

create table list_pipeline.slack_reviewer (
    link_id      bigint generated always as identity primary key,
    -- Slack's ids of workspace and user.
    team         text not null,
    slack_user   text not null,
    name         text not null,
    linked_at    timestamptz not null,
    linked_by    text not null,
    unlinked_at  timestamptz,
    unlinked_by  text,
    unlinked_why text,
    check (team <> '' and name <> '' and linked_by <> ''),
    check (slack_user ~ '^[UW][A-Z0-9]{2,30}$'),
    check ((unlinked_at is null) = (unlinked_by is null) and (unlinked_at is null) = (unlinked_why is null))
);
create unique index slack_reviewer_now_idx on list_pipeline.slack_reviewer (team, slack_user) where unlinked_at is null;
