-- What was asked for and not begun is not begun any more; what was carried out stands in the journal.
delete from list_pipeline.run_request where kind not in ('maintenance', 'health_check');
drop index list_pipeline.run_request_unended_idx;
drop index list_pipeline.run_request_asked_idx;
alter table list_pipeline.run_request
    drop constraint run_request_end_check,
    drop constraint run_request_about_check,
    drop constraint run_request_words_check,
    drop constraint run_request_row_check,
    drop constraint run_request_kind_check,
    drop column plan_ids,
    drop column words,
    drop column outcome,
    drop column ended_at,
    drop column despite_complaint,
    drop column note,
    drop column sweep,
    drop column contact_ids,
    alter column partition_key set not null,
    add constraint run_request_kind_check check (kind in ('maintenance', 'health_check')),
    add constraint run_request_check
        check ((kind = 'maintenance') = (log_id is not null) and (kind = 'health_check') = (check_id is not null)),
    add constraint run_request_check1 check (partition_key <> '' and requested_by <> '');
