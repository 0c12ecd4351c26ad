-- Everything goes back into one table, whatever spans were closed meanwhile.
alter table list_pipeline.bounce_event detach partition list_pipeline.bounce_event_newest;
insert into list_pipeline.bounce_event_newest select * from list_pipeline.bounce_event;
drop table list_pipeline.bounce_event;
alter table list_pipeline.bounce_event_newest rename to bounce_event;

alter table list_pipeline.campaign_recipient detach partition list_pipeline.campaign_recipient_newest;
insert into list_pipeline.campaign_recipient_newest select * from list_pipeline.campaign_recipient;
drop table list_pipeline.campaign_recipient;
alter table list_pipeline.campaign_recipient_newest rename to campaign_recipient;

-- Indexes and references have other names where the newest partition was made anew.
do $$
declare found record;
begin
    for found in
        select i.indexrelid::regclass as old_name,
               t.name || case when i.indisprimary then '_pkey' when t.name = 'campaign_recipient' then '_by_contact_idx'
                              else '_contact_idx' end as new_name
        from unnest(array['bounce_event', 'campaign_recipient']) t (name)
        join pg_index i on i.indrelid = ('list_pipeline.' || t.name)::regclass
    loop
        if found.old_name::text <> 'list_pipeline.' || found.new_name then
            execute format('alter index %s rename to %I', found.old_name, found.new_name);
        end if;
    end loop;
    for found in
        select t.name, k.conname as old_name, t.name || case t.name when 'bounce_event' then '_campaign_id_sweep_fkey'
                                                            else '_campaign_id_fkey' end as new_name
        from unnest(array['bounce_event', 'campaign_recipient']) t (name)
        join pg_constraint k on k.conrelid = ('list_pipeline.' || t.name)::regclass and k.contype = 'f'
    loop
        if found.old_name <> found.new_name then
            execute format('alter table list_pipeline.%I rename constraint %I to %I', found.name, found.old_name, found.new_name);
        end if;
    end loop;
end
$$;
