drop table list_pipeline.mail_host;
