-- Per lab, entity and direction: synced and failed records of the last day and week, and the lag.
select l.name as lab, c.name as company, o.entity, o.direction,
       count(*) filter (where o.outcome <> 'failed' and o.at > now() - interval '1 day') as day,
       count(*) filter (where o.outcome <> 'failed') as week,
       count(*) filter (where o.outcome = 'failed' and o.at > now() - interval '1 day') as failed_day,
       count(*) filter (where o.outcome = 'failed') as failed_week,
       percentile_cont(0.5) within group (order by extract(epoch from o.at - o.marked_at))
           filter (where o.outcome <> 'failed' and o.marked_at is not null) as lag,
       percentile_cont(0.95) within group (order by extract(epoch from o.at - o.marked_at))
           filter (where o.outcome <> 'failed' and o.marked_at is not null) as slow_lag
  from qbo_sync.sync_outcome o
  left join lms.billing_lab l on l.id = o.billing_lab_id
  left join qbo_sync.company c on c.realm_id = o.realm_id
 where o.at > now() - interval '7 days' and o.outcome in ('created', 'updated', 'deleted', 'adopted', 'failed')
   and (%(lab)s::bigint is null or o.billing_lab_id = %(lab)s
        or o.billing_lab_id is null
           and o.realm_id = (select n.realm_id from qbo_sync.connection n where n.billing_lab_id = %(lab)s))
 group by l.name, c.name, o.entity, o.direction
 order by l.name nulls last, c.name, o.direction,
          array_position(array['billing_account', 'doctor_office', 'product', 'special_item', 'invoice', 'credit',
                               'credit_application', 'payment'], o.entity)
