-- Counting a request to Mailjet in one way to the server and back. The rule, and every figure, is core/request_rate.py's: this
-- counts on what a process knows of it, and says where that is no longer so.

create function list_pipeline.count_request(
    lock_key           bigint,
    waited_for         text,         -- for the lock, as a setting of PostgreSQL
    at_instant         timestamptz,  -- of a rehearsal; null: this server's time
    window_width       interval,
    ahead              interval,     -- what is counted further ahead says nothing about the window
    most               integer,      -- requests that the window may hold
    known_allowance    integer,      -- the row of limiter_state that this rests on; null: there is none
    known_refused_at   timestamptz,
    known_paused_until timestamptz,
    known_since        timestamptz,  -- null: whenever
    out is_known       boolean,      -- false: it rests on something else by now, and nothing was counted
    out counted_at     timestamptz,  -- null: not allowed now
    out blocking       timestamptz   -- the request that has to leave the window first
) language plpgsql as $$
declare
    found_allowance    integer;
    found_refused_at   timestamptz;
    found_paused_until timestamptz;
    instant            timestamptz;
begin
    perform set_config('lock_timeout', waited_for, true);
    perform pg_advisory_xact_lock(lock_key);
    -- Each statement from here on sees what others wrote before they let go of the lock.
    instant := coalesce(at_instant, clock_timestamp());
    select allowance, refused_at, paused_until into found_allowance, found_refused_at, found_paused_until
    from list_pipeline.limiter_state;
    is_known := instant >= coalesce(known_since, instant)
        and (found_allowance, found_refused_at, found_paused_until)
            is not distinct from (known_allowance, known_refused_at, known_paused_until);
    if not is_known then
        return;
    end if;
    select allowed_at into blocking from list_pipeline.mailjet_request
    where allowed_at > instant - window_width and allowed_at <= instant + ahead
    order by allowed_at desc offset most - 1 limit 1;
    if not found then
        insert into list_pipeline.mailjet_request (allowed_at) values (instant);
        counted_at := instant;
    end if;
end
$$;
