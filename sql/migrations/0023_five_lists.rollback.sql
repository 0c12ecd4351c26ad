drop table list_pipeline.confirmed_list;
drop table list_pipeline.list_confirmation;
alter table list_pipeline.sync_state
    drop column mailjet_list_id,
    drop column list_name;
