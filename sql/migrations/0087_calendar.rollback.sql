alter table list_pipeline.list_health_check drop column next_campaign;
delete from list_pipeline.api_token where role = 'calendar';
alter table list_pipeline.api_token drop constraint api_token_role_check;
alter table list_pipeline.api_token
    add constraint api_token_role_check check (role in ('reader', 'operator', 'reviewer', 'administrator'));
