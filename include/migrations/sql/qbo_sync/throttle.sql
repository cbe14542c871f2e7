-- The request budget that all workers share.

-- Reserves the next moment at which no window holds more requests than its limit; returns the seconds until then. What is
-- reserved for more than five minutes from now was reserved by a clock that was ahead, and is right again: it does not
-- count, or everybody would wait for as long as it was ahead.
create or replace function qbo_sync.reserve_request(
    p_realm_id text, p_bucket text, p_limits integer[], p_windows interval[]
) returns double precision language plpgsql as $$
declare
    most constant integer not null := (select max(n) from unnest(p_limits) n);
    taken timestamptz[];
    slot timestamptz;
begin
    insert into qbo_sync.throttle values (p_realm_id, p_bucket, '{}') on conflict do nothing;
    select t.slots into taken from qbo_sync.throttle t
     where t.realm_id = p_realm_id and t.bucket = p_bucket for update;
    if taken[cardinality(taken)] > clock_timestamp() + interval '5 minutes' then
        taken := array(select s from unnest(taken) s where s <= clock_timestamp() + interval '5 minutes' order by s);
    end if;
    slot := greatest(clock_timestamp(), taken[cardinality(taken)]);
    for n in 1 .. cardinality(p_limits) loop
        if cardinality(taken) >= p_limits[n] then
            slot := greatest(slot, taken[cardinality(taken) - p_limits[n] + 1] + p_windows[n]);
        end if;
    end loop;
    taken := taken || slot;
    update qbo_sync.throttle t set slots = taken[greatest(1, cardinality(taken) - most + 1):]
     where t.realm_id = p_realm_id and t.bucket = p_bucket;
    return greatest(0, extract(epoch from slot - clock_timestamp()));
end
$$;

-- After a 429 nothing is sent before the pause is over: the next reservation comes after the last moment kept here.
create or replace function qbo_sync.pause_throttle(p_realm_id text, p_pause interval) returns void language sql as $$
    update qbo_sync.throttle set slots = slots || (clock_timestamp() + p_pause)
     where realm_id = p_realm_id and bucket = 'request'
$$;
