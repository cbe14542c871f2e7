-- Every billing lab with its connection, open errors, due changes, last sync and findings of the company check.
with open_errors as (
    select billing_lab_id, realm_id, count(*) as errors from qbo_sync.sync_error
     where status = 'open' group by billing_lab_id, realm_id
), due as (
    select realm_id, billing_lab_id, count(*) as records, min(marked_at) as since
      from qbo_sync.due_mark group by realm_id, billing_lab_id
), held as (
    select billing_lab_id, count(*) as held, min(goes_out_at) as held_from, max(goes_out_at) as held_to
      from qbo_sync.held_invoice group by billing_lab_id
)
select l.id, l.name, n.realm_id, h.held, h.held_from, h.held_to, n.direction, n.receives_qbo_transactions, n.started_at,
       c.name as company, c.status, c.refresh_token_expires_at, t.since as failing_since,
       (select sum(e.errors) from open_errors e where e.billing_lab_id = l.id) as errors,
       (select sum(d.records) from due d
         where d.realm_id = n.realm_id and (d.billing_lab_id = l.id or d.billing_lab_id is null)) as due,
       (select min(d.since) from due d
         where d.realm_id = n.realm_id and (d.billing_lab_id = l.id or d.billing_lab_id is null)) as due_since,
       (select max(o.at) from qbo_sync.sync_outcome o
         where o.realm_id = n.realm_id and (o.billing_lab_id = l.id or o.billing_lab_id is null)
           and o.outcome in ('created', 'updated', 'deleted', 'adopted')
           and o.at > now() - interval '30 days') as last_synced,
       (select count(*) from qbo_sync.connection other
         where other.realm_id = n.realm_id and other.billing_lab_id <> l.id) as sharers,
       (select count(*) from qbo_sync.company_finding f
         where f.realm_id = n.realm_id and f.resolved_at is null and f.severity = 'problem') as problems,
       (select count(*) from qbo_sync.company_finding f
         where f.realm_id = n.realm_id and f.resolved_at is null and f.severity = 'warning') as warnings,
       (select f.realm_id from qbo_sync.former_connection f
         where f.billing_lab_id = l.id order by f.disconnected_at desc limit 1) as former_realm
  from lms.billing_lab l
  left join qbo_sync.connection n on n.billing_lab_id = l.id
  left join qbo_sync.company c on c.realm_id = n.realm_id
  left join qbo_sync.company_trouble t on t.realm_id = n.realm_id and t.failures > 1
  left join held h on h.billing_lab_id = n.billing_lab_id
 order by lower(l.name), l.id
