-- Contacts that gave no sign of life, as they were counted in a week. Null: the week was checked before this was counted.
alter table list_pipeline.list_health_check add column silence jsonb;
