-- Per company: requests of the last day and of this month, those that are metered, refusals, the usual duration, and
-- whether it fails or is slow, so that a task of its own asks what changed.
select c.realm_id, c.name as company,
       count(*) filter (where a.at > now() - interval '1 day') as day,
       count(a.id) as month,
       count(*) filter (where a.metered) as metered,
       count(*) filter (where a.at > now() - interval '1 day'
                          and (a.status is null or a.status >= 400)) as refused_day,
       percentile_cont(0.5) within group (order by a.duration_ms)
           filter (where a.at > now() - interval '1 day') as usual_ms,
       c.status, p.apart_until > now() as apart, p.failures
  from qbo_sync.company c
  join qbo_sync.api_call a on a.realm_id = c.realm_id
       and a.at >= date_trunc('month', now() at time zone 'utc') at time zone 'utc'
  left join qbo_sync.poll p on p.realm_id = c.realm_id
 where %(lab)s::bigint is null
    or c.realm_id = (select n.realm_id from qbo_sync.connection n where n.billing_lab_id = %(lab)s)
 group by c.realm_id, c.name, p.realm_id order by c.name
