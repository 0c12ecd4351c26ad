-- What the sensors look at each half minute is found by what is open, never by reading every campaign that was ever sent.

-- Which looks at a campaign have begun, and which attempt at a look is its latest: kept by the row that begins one.
alter table list_pipeline.campaign_schedule add column begun_looks text[] not null default '{}',
    add column is_looked_at boolean generated always as (begun_looks @> '{24h,72h,7d}') stored,
    add column has_figures boolean not null default false;
alter table list_pipeline.list_maintenance_log add column is_latest boolean not null default true,
    -- The status that its report told, as far as anybody looked.
    add column told_as text;

update list_pipeline.campaign_schedule s set begun_looks = l.looks
from (select campaign_schedule_id, array_agg(distinct sweep) as looks from list_pipeline.list_maintenance_log
      where maintenance_type = 'post_campaign' and campaign_schedule_id is not null group by 1) l
where l.campaign_schedule_id = s.id;
update list_pipeline.campaign_schedule s set has_figures = true
where exists (select from list_pipeline.campaign_metrics m where m.campaign_schedule_id = s.id);
update list_pipeline.list_maintenance_log l set is_latest = false
where exists (select from list_pipeline.list_maintenance_log later
              where later.campaign_schedule_id = l.campaign_schedule_id and later.maintenance_type = l.maintenance_type
                and later.sweep = l.sweep and later.attempt > l.attempt);

create function list_pipeline.note_look_begun() returns trigger language plpgsql as $$
begin
    update list_pipeline.list_maintenance_log l set is_latest = false
    where l.campaign_schedule_id = new.campaign_schedule_id and l.maintenance_type = new.maintenance_type
      and l.sweep is not distinct from new.sweep and l.is_latest
      and exists (select from list_pipeline.list_maintenance_log later
                  where later.campaign_schedule_id = l.campaign_schedule_id and later.maintenance_type = l.maintenance_type
                    and later.sweep is not distinct from l.sweep and later.attempt > l.attempt);
    if new.maintenance_type = 'post_campaign' then
        update list_pipeline.campaign_schedule set begun_looks = begun_looks || new.sweep
        where id = new.campaign_schedule_id and not begun_looks @> array[new.sweep];
    end if;
    return null;
end
$$;
create trigger look_begun after insert on list_pipeline.list_maintenance_log
    for each row when (new.campaign_schedule_id is not null) execute function list_pipeline.note_look_begun();

create function list_pipeline.note_figures() returns trigger language plpgsql as $$
begin
    update list_pipeline.campaign_schedule set has_figures = true where id = new.campaign_schedule_id and not has_figures;
    return null;
end
$$;
create trigger figures_kept after insert on list_pipeline.campaign_metrics
    for each row execute function list_pipeline.note_figures();

create index campaign_schedule_unlooked_idx on list_pipeline.campaign_schedule (id)
    where mailjet_campaign_id is not null and not is_looked_at;
create index campaign_schedule_no_figures_idx on list_pipeline.campaign_schedule (id)
    where mailjet_campaign_id is not null and not has_figures;
create index list_maintenance_log_open_idx on list_pipeline.list_maintenance_log (status, campaign_schedule_id, sweep)
    where is_latest and maintenance_type = 'post_campaign' and status in ('running', 'pending_review', 'read_only', 'failed');
create index list_maintenance_log_gave_up_idx on list_pipeline.list_maintenance_log (campaign_schedule_id, sweep)
    where is_latest and maintenance_type = 'post_campaign' and gave_up_at is not null;
create index list_maintenance_log_untold_idx on list_pipeline.list_maintenance_log (campaign_schedule_id, sweep)
    where is_latest and maintenance_type = 'post_campaign' and status <> 'running' and told_as is distinct from status;

-- What is sent now or soon, and the cycles of it.
create index campaign_schedule_launch_idx on list_pipeline.campaign_schedule
    ((coalesce(send_start_at, (scheduled_date + scheduled_time) at time zone 'UTC')));
create index campaign_schedule_round_sent_idx on list_pipeline.campaign_schedule
    (round_number, (coalesce(send_start_at, send_end_at))) where cycle_id is not null and mailjet_campaign_id is not null;
create index campaign_schedule_sent_idx on list_pipeline.campaign_schedule
    ((coalesce(send_start_at, send_end_at))) where cycle_id is not null and mailjet_campaign_id is not null;
create index campaign_schedule_send_end_idx on list_pipeline.campaign_schedule (send_end_at);
create index campaign_schedule_frozen_idx on list_pipeline.campaign_schedule (id) where frozen_at is not null;
create index campaign_schedule_doubt_idx on list_pipeline.campaign_schedule (id) where round_doubt is not null;
create index cycle_opened_at_idx on list_pipeline.cycle (opened_at);
create index cycle_open_idx on list_pipeline.cycle (cycle_id) where closed_at is null;
create index cycle_closed_at_idx on list_pipeline.cycle (closed_at);
create index cycle_complete_idx on list_pipeline.cycle (opened_at) where closed_reason = 'complete';

create index plan_approved_idx on list_pipeline.plan (plan_id) where executed_at is not null and decided_by is not null
    and decided_by not in ('gate', 'nobody') and kind in ('suppression', 'rebalancing');
create index review_item_campaign_idx on list_pipeline.review_item (campaign_id);
create index review_item_finding_idx on list_pipeline.review_item (created_at) where kind = 'finding';
create index work_timing_run_idx on list_pipeline.work_timing (run_id);
