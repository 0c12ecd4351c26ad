update list_pipeline.quarantine set reason = 'by_hand' where reason = 'tested_sample';
alter table list_pipeline.quarantine
    drop constraint quarantine_reason_check,
    add constraint quarantine_reason_check
        check (reason in ('incident', 'disputed_first_hit', 'mass_change', 'by_hand'));
