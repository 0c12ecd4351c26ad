drop table list_pipeline.summarised_campaign;
drop table list_pipeline.contact_history;
