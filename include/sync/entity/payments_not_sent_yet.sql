-- Payments of the LMS that are still to go to QuickBooks and may be the same money as a new one of QuickBooks: LMS id,
-- QuickBooks id (none). What a lab's settings or a person hold back stops nothing.
select p.id::text, null::text
  from lms.payment p
  join qbo_sync.connection n on n.billing_lab_id = p.billing_lab_id and n.realm_id = %(realm)s
 where p.origin = 'lms' and p.billing_account_id = %(account)s and p.amount = %(amount)s
   and p.payment_date between %(first)s and %(last)s
   and n.direction in ('lms_to_qbo', 'both') and n.sync_payments
   and (n.sync_start_date is null or p.payment_date >= n.sync_start_date)
   and not exists (select 1 from qbo_sync.entity_link l
                    where l.realm_id = n.realm_id and l.entity = 'payment' and l.lms_id = p.id)
   and not exists (select 1 from qbo_sync.left_alone a
                    where a.realm_id = n.realm_id and a.entity = 'payment' and a.lms_id = p.id)
   and not exists (select 1 from qbo_sync.possible_duplicate d
                    where d.realm_id = n.realm_id and d.lms_id = p.id and d.qbo_id = %(record)s
                      and d.kept_both_at is not null)
   and not exists (select 1 from qbo_sync.sync_error e
                    where e.realm_id = n.realm_id and e.direction = 'lms_to_qbo' and e.record_entity = 'payment'
                      and e.record_id = p.id::text and e.status = 'ignored')
 order by p.id
