-- The request budget that all workers share.

-- Reserves the next moment at which at most p_limit requests fall into any window; returns the seconds until then.
create or replace function qbo_sync.reserve_request(p_realm_id text, p_bucket text, p_limit integer, p_window interval)
returns double precision language plpgsql as $$
declare
    taken timestamptz[];
    slot timestamptz;
begin
    insert into qbo_sync.throttle values (p_realm_id, p_bucket, '{}') on conflict do nothing;
    select t.slots into taken from qbo_sync.throttle t
     where t.realm_id = p_realm_id and t.bucket = p_bucket for update;
    slot := greatest(clock_timestamp(), taken[cardinality(taken)]);
    if cardinality(taken) >= p_limit then
        slot := greatest(slot, taken[cardinality(taken) - p_limit + 1] + p_window);
    end if;
    taken := taken || slot;
    update qbo_sync.throttle t set slots = taken[greatest(1, cardinality(taken) - p_limit + 1):]
     where t.realm_id = p_realm_id and t.bucket = p_bucket;
    return greatest(0, extract(epoch from slot - clock_timestamp()));
end
$$;

-- After a 429 nothing is sent before the pause is over: the next reservation comes after the last moment kept here.
create or replace function qbo_sync.pause_throttle(p_realm_id text, p_pause interval) returns void language sql as $$
    update qbo_sync.throttle set slots = slots || (clock_timestamp() + p_pause)
     where realm_id = p_realm_id and bucket = 'request'
$$;
