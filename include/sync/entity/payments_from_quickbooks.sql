-- Payments that came from QuickBooks and may be the same money as a new one of the LMS: LMS id, QuickBooks id.
select p.id::text, l.qbo_id
  from lms.payment p
  join qbo_sync.entity_link l on l.realm_id = %(realm)s and l.entity = 'payment' and l.lms_id = p.id
 where p.origin = 'qbo' and p.billing_account_id = %(account)s and p.amount = %(amount)s
   and p.payment_date between %(first)s and %(last)s
   and p.id <> %(record)s::bigint
 order by p.id
