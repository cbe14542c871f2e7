-- Companies that have something of these entities to sync, and of `after` nothing that goes first; how many records, and
-- whether a task of its own has to work it. One that fails is left out while it rests, unless it is asked for.
with pending as (
    select realm_id, count(*) as records
      from qbo_sync.pending_mark
     where direction = %(direction)s and entity = any(%(entities)s)
       and (%(realm)s::text is null or realm_id = %(realm)s)
     group by realm_id
), first as (
    select * from qbo_sync.companies_with_earlier_work(%(direction)s, %(after)s::text[]) as realm_id
), unfinished as (
    -- A write that a run died over is finished even if its record has nothing due.
    select distinct i.realm_id
      from qbo_sync.write_intent i join qbo_sync.write_request r using (request_id)
     where %(direction)s = 'lms_to_qbo' and i.entity = any(%(entities)s)
       and r.created_at < clock_timestamp() - interval '3 minutes'
       and exists (select 1 from qbo_sync.connection n where n.realm_id = i.realm_id)
)
select c.realm_id, c.name, coalesce(p.records, 0) as records,
       coalesce(t.failures > 0 or t.alone_until > clock_timestamp(), false) as alone
  from qbo_sync.company c
  left join pending p using (realm_id)
  left join qbo_sync.company_trouble t using (realm_id)
 where (%(realm)s::text is null or c.realm_id = %(realm)s)
   and (%(realm)s::text is not null or t.retry_at is null
        or t.retry_at not between clock_timestamp() and clock_timestamp() + %(longest_rest)s)
   and (p.realm_id is not null and c.realm_id not in (select realm_id from first)
        or c.status = 'connected' and c.realm_id in (select realm_id from unfinished)
        -- It lost its access in a task that it shared: one of its own shows it.
        or c.status = 'reconnect_required' and t.dag_id = %(dag_id)s and not t.shown)
 order by c.realm_id
