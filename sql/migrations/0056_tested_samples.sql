-- A random share of would-be suppressions is kept from mail and tested by a mailing first; newcomers of a mass change are not kept
-- from mail by it: their lists are frozen.
alter table list_pipeline.quarantine
    drop constraint quarantine_reason_check,
    add constraint quarantine_reason_check
        check (reason in ('incident', 'disputed_first_hit', 'by_hand', 'tested_sample'));
