-- What settled the class of a failure: so far it was worked out again from state, flag and class.
alter table list_pipeline.bounce_event
    add column decided_by text not null default 'state'
        check (decided_by in ('state', 'permanence_flag', 'message_status', 'receivers_words'));
update list_pipeline.bounce_event
set decided_by = case
        when reason in ('spam_complaint', 'still_trying') then 'message_status'
        -- The states of hard bounces are 1, 2, 4, 5 and 19; 2 and 5 stay in dispute whatever the flag says.
        when bounce_class = 'hard' and not is_disputed and state_id in (1, 4, 19) and is_permanent then 'permanence_flag'
        when bounce_class = 'hard' and not is_disputed and state_id is not null then 'receivers_words'
        -- A text that said something else than the state.
        when state_id in (1, 2, 4, 5, 19) and reason in ('sender_blocked', 'mailbox_full') then 'receivers_words'
        else 'state'
    end;

-- What a gate has to know of an item, as it was known when the plan was written: so far it was read out of the evidence again.
alter table list_pipeline.plan_item
    add column has_evidence boolean not null default false,
    add column is_permanent_hard boolean not null default false;
update list_pipeline.plan_item i
set has_evidence = exists (
        select 1 from jsonb_array_elements(i.evidence) e (entry)
        where e.entry ->> 'kind' = 'contact_flag' or e.entry -> 'counts' = 'true'),
    is_permanent_hard = coalesce((
        select (e.entry -> 'is_permanent' = 'true' or e.entry -> 'by_text' = 'true')
               and e.entry -> 'counts' = 'true' and e.entry ->> 'class' = 'hard'
        from jsonb_array_elements(i.evidence) with ordinality e (entry, place)
        where e.entry ->> 'kind' = 'failure' order by e.place desc limit 1), false)
where i.evidence <> '[]';
