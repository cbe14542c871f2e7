-- Per company: requests of the last day and of this month, those that are metered, refusals, and the usual duration.
select c.realm_id, c.name as company,
       count(*) filter (where a.at > now() - interval '1 day') as day,
       count(a.id) as month,
       count(*) filter (where a.metered) as metered,
       count(*) filter (where a.at > now() - interval '1 day'
                          and (a.status is null or a.status >= 400)) as refused_day,
       percentile_cont(0.5) within group (order by a.duration_ms)
           filter (where a.at > now() - interval '1 day') as usual_ms
  from qbo_sync.company c
  join qbo_sync.api_call a on a.realm_id = c.realm_id
       and a.at >= date_trunc('month', now() at time zone 'utc') at time zone 'utc'
 where %(lab)s::bigint is null
    or c.realm_id = (select n.realm_id from qbo_sync.connection n where n.billing_lab_id = %(lab)s)
 group by c.realm_id, c.name order by c.name
