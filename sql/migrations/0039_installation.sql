-- Which installation this is: the keys of its cache begin with it, so that several share one Redis without meeting.
alter table list_pipeline.data_version add column installation_id uuid not null default gen_random_uuid();
