-- What is worth an alert by what the tables say: (kind, realm_id, subject, since, count, said, lab_ids).
with books as (
    select distinct on (realm_id) realm_id, id, state, finished_at
      from qbo_sync.reconciliation where finished_at is not null order by realm_id, finished_at desc
), flow as (
    select * from unnest(%(dags)s::text[], %(directions)s::text[], %(entities)s::text[]) f (dag_id, direction, entity)
), found as (
    select 'reconnect' as kind, c.realm_id, '' as subject, c.updated_at as since, 1::bigint as count, '' as said,
           null::bigint[] as lab_ids
      from qbo_sync.company c where c.status = 'reconnect_required'
    union all
    select 'old_errors', e.realm_id, e.error_code, min(e.first_seen_at), count(*), '',
           nullif(array_remove(array_agg(distinct e.billing_lab_id), null), '{}')
      from qbo_sync.sync_error e
     where e.status = 'open' and e.error_code <> 'mass_delete_held'
       and e.first_seen_at < clock_timestamp() - %(old_error)s
     group by e.realm_id, e.error_code
    union all
    select 'many_deletes', e.realm_id, e.id::text, e.first_seen_at, 1, e.message,
           case when e.billing_lab_id is not null then array[e.billing_lab_id] end
      from qbo_sync.sync_error e
     where e.status = 'open' and e.error_code = 'mass_delete_held'
    union all
    select 'books_differ', b.realm_id, '', b.finished_at, d.unexplained, b.state, d.lab_ids
      from books b
     cross join lateral (select count(*) as unexplained,
                                nullif(array_remove(array_agg(distinct x.billing_lab_id), null), '{}') as lab_ids
                           from qbo_sync.reconciliation_difference x
                          where x.reconciliation_id = b.id and not x.explained) d
     where b.state in ('differs', 'failed')
    union all
    select 'failing', t.realm_id, '', t.since, 1, t.error, null
      from qbo_sync.company_trouble t join qbo_sync.company c using (realm_id)
     where t.failures > 0 and t.since < clock_timestamp() - %(failing)s and c.status = 'connected'
    union all
    select 'failing', p.realm_id, '', a.since, 1, 'it could not be asked what changed there', null
      from qbo_sync.poll p join qbo_sync.company c using (realm_id)
      -- One that was never asked: since its labs are connected.
     cross join lateral (select coalesce(p.polled_at, (select min(n.created_at) from qbo_sync.connection n
                                                        where n.realm_id = p.realm_id))) a (since)
     where p.failures > 0 and a.since < clock_timestamp() - %(failing)s and c.status = 'connected'
       and not exists (select 1 from qbo_sync.company_trouble t
                        where t.realm_id = p.realm_id and t.failures > 0
                          and t.since < clock_timestamp() - %(failing)s)
    union all
    -- Due, and neither taken nor finished by anybody for a while, of no company that fails.
    select 'late', null, f.dag_id, min(greatest(m.marked_at, m.attempt_after)), count(*), '', null
      from qbo_sync.due_mark m join flow f using (direction, entity)
     where greatest(m.marked_at, m.attempt_after, m.extracted_at) < clock_timestamp() - %(late)s
       and m.waits_for_entity is null
       and not exists (select 1 from qbo_sync.company_trouble t where t.realm_id = m.realm_id and t.failures > 0)
       and not exists (select 1 from qbo_sync.sync_outcome o
                        where o.realm_id = m.realm_id and o.direction = m.direction and o.entity = m.entity
                          and o.at > clock_timestamp() - %(late)s)
     group by f.dag_id
    union all
    select 'late', null, 'qbo_change_capture', min(a.due), count(*), '', null
      from qbo_sync.company c left join qbo_sync.poll p using (realm_id)
     cross join lateral (select coalesce(greatest(p.poll_after, p.rests_until),
                                         (select min(n.created_at) from qbo_sync.connection n
                                           where n.realm_id = c.realm_id))) a (due)
     where a.due < clock_timestamp() - %(late)s and c.status = 'connected'
    having count(*) > 0
    union all
    select 'late', null, '', min(changed_at), count(*), '', null
      from qbo_sync.lms_change where changed_at < clock_timestamp() - %(late)s
    having count(*) > 0
)
select f.kind, f.realm_id, f.subject, f.since, f.count, f.said, coalesce(c.name, '') as company, l.names as labs, l.lab_id
  from found f
  left join qbo_sync.company c using (realm_id)
 cross join lateral (select coalesce(array_agg(b.name order by b.name), '{}') as names, min(b.id) as lab_id
                       from qbo_sync.connection n join lms.billing_lab b on b.id = n.billing_lab_id
                      where n.realm_id = f.realm_id and (f.lab_ids is null or b.id = any (f.lab_ids))) l
 -- A company that no lab uses is nobody's concern.
 where f.realm_id is null or l.lab_id is not null
