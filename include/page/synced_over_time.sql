-- Synced and failed records of each hour or day (unit, step) since that long ago (back), oldest first.
select slot,
       count(o.id) filter (where o.outcome in ('created', 'updated', 'deleted', 'adopted')) as synced,
       count(o.id) filter (where o.outcome = 'failed') as failed
  from generate_series(date_trunc(%(unit)s, now() at time zone 'utc') - %(back)s,
                       date_trunc(%(unit)s, now() at time zone 'utc'), %(step)s) slot
  left join qbo_sync.sync_outcome o
         on o.at >= slot at time zone 'utc' and o.at < (slot + %(step)s) at time zone 'utc'
        and (%(lab)s::bigint is null or o.billing_lab_id = %(lab)s
             or o.billing_lab_id is null
                and o.realm_id = (select n.realm_id from qbo_sync.connection n where n.billing_lab_id = %(lab)s))
 group by slot order by slot
