drop table list_pipeline.campaign_recipient;
drop table list_pipeline.sync_run;
drop table list_pipeline.sync_state;
drop table list_pipeline.list_membership;
drop table list_pipeline.contact_list_membership;
