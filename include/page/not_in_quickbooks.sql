-- What keeps one of the LMS's own invoices out of QuickBooks, as far as the database says: one row, none for any other
-- invoice. Without a company asked for, or a connection to one, it is that of the lab's connection.
select b.id as lab_id, b.name as lab, i.invoice_date as dated, c.name as company, n.realm_id,
       exists (select from qbo_sync.entity_link l where l.realm_id = coalesce(n.realm_id, nullif(%(realm)s, ''))
                  and l.entity = 'invoice' and l.lms_id = i.id) as linked,
       c.status = 'connected' as has_access, n.started_at is not null as started, n.direction, n.sync_invoices,
       n.sync_start_date as start_date, a.reason as left_alone, e.id as error_id, e.status as error_status,
       h.goes_out_at as held_until, t.since as failing_since,
       m.record_id is not null
       or exists (select from qbo_sync.lms_change x where x.entity = 'invoice' and coalesce(x.lms_id, i.id) = i.id)
           as marked,
       coalesce(m.extracted_at between clock_timestamp() - interval '2 minutes' and clock_timestamp(), false) as in_hand,
       case when m.attempt_after > clock_timestamp() then m.attempt_after end as tried_at,
       m.waits_for_entity, w.id as waits_for_error
  from lms.invoice i
  join lms.billing_lab b on b.id = i.billing_lab_id
  left join qbo_sync.connection n on n.billing_lab_id = i.billing_lab_id
  left join qbo_sync.company c on c.realm_id = n.realm_id
  left join qbo_sync.left_alone a on a.realm_id = n.realm_id and a.entity = 'invoice' and a.lms_id = i.id
  left join qbo_sync.sync_error e on e.realm_id = n.realm_id and e.direction = 'lms_to_qbo'
       and e.record_entity = 'invoice' and e.record_id = i.id::text and e.status <> 'resolved'
  left join qbo_sync.held_invoice h on h.realm_id = n.realm_id and h.invoice_id = i.id
  left join qbo_sync.change_mark m on m.realm_id = n.realm_id and m.direction = 'lms_to_qbo' and m.entity = 'invoice'
       and m.record_id = i.id::text
  left join qbo_sync.sync_error w on w.realm_id = n.realm_id and w.direction = 'lms_to_qbo'
       and w.record_entity = m.waits_for_entity and w.record_id = m.waits_for_id and w.status <> 'resolved'
  -- not after the first failure: it is tried again at once
  left join qbo_sync.company_trouble t on t.realm_id = n.realm_id and t.failures > 1
 where i.id = %(lms)s and i.origin = 'lms'
