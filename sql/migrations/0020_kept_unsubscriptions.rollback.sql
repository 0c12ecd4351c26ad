drop table list_pipeline.kept_unsubscription;
