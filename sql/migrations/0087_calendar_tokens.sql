-- A token whose role is calendar reads the feed of the calendar, by its address, and nothing else.
alter table list_pipeline.api_token drop constraint api_token_role_check;
alter table list_pipeline.api_token
    add constraint api_token_role_check check (role in ('calendar', 'reader', 'operator', 'reviewer', 'administrator'));
