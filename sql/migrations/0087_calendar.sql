-- A token whose role is calendar reads the feed of the calendar, by its address, and nothing else.
alter table list_pipeline.api_token drop constraint api_token_role_check;
alter table list_pipeline.api_token
    add constraint api_token_role_check check (role in ('calendar', 'reader', 'operator', 'reviewer', 'administrator'));

-- The campaign that was scheduled next when a week was checked, in words: a week is shown later as it was.
alter table list_pipeline.list_health_check add column next_campaign text;
