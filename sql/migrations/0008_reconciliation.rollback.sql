drop table list_pipeline.reconciliation_finding;
drop table list_pipeline.reconciliation;
