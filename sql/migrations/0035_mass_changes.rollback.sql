
drop table list_pipeline.list_edit;
drop table list_pipeline.mass_change_contact;
drop table list_pipeline.mass_change;
