-- Every invoice, credit and payment of some labs: what the LMS says, its link, its outcome and its error.
with record as (
    select 'invoice' as entity, id, invoice_number as label, billing_lab_id, billing_account_id,
           doctor_office_id, origin, total_amount as total,
           -- what a payment with an error applies in the LMS only
           balance + coalesce((select sum(a.amount) from lms.payment_application a
                                 join qbo_sync.sync_error e on e.entity = 'payment' and e.lms_id = a.payment_id
                                where a.invoice_id = i.id and e.direction = 'lms_to_qbo' and e.status = 'open'
                                  and e.error_code in ('possible_duplicate', 'qbo_6000')), 0) as open,
           shipping_amount as shipping, discount_amount as discount, tax_amount as tax from lms.invoice i
    union all
    select 'credit', c.id, coalesce(c.reference, c.id::text), billing_lab_id, billing_account_id,
           doctor_office_id, 'lms', amount,
           amount - coalesce((select sum(amount) from lms.credit_application where credit_id = c.id), 0),
           0, 0, 0 from lms.credit c
    union all
    select 'payment', p.id, coalesce(p.reference, p.id::text), billing_lab_id, billing_account_id,
           doctor_office_id, origin, amount, amount - coalesce(
               (select sum(amount) from lms.payment_application where payment_id = p.id), 0),
           0, 0, 0 from lms.payment p)
select r.entity, r.id, r.label, b.name as lab, n.realm_id, r.origin, r.total, r.open, r.shipping,
       r.discount, r.tax, l.qbo_id, customer.qbo_id as customer,
       coalesce((customer.entity, customer.lms_id) in (('billing_account', r.billing_account_id),
                ('doctor_office', r.doctor_office_id)), false) as is_own_customer,
       (select e.error_code from qbo_sync.sync_error e
         where e.realm_id = n.realm_id and e.entity = r.entity and e.lms_id = r.id
           and (e.direction = 'lms_to_qbo' or e.error_code = 'customer_changed') and e.status = 'open'
           and e.error_code not like 'conflict%%' limit 1) as error_code,
       coalesce(o.outcome, back.outcome) as outcome
  from record r
  join lms.billing_lab b on b.id = r.billing_lab_id
  join qbo_sync.connection n on n.billing_lab_id = r.billing_lab_id
  left join qbo_sync.entity_link l
    on l.realm_id = n.realm_id and l.entity = r.entity and l.lms_id = r.id
  left join qbo_sync.entity_link customer
    on customer.realm_id = n.realm_id and customer.entity = l.base -> 'customer' ->> 0
   and customer.lms_id = (l.base -> 'customer' ->> 1)::bigint
  left join qbo_sync.record_outcome o
    on o.realm_id = n.realm_id and o.entity = r.entity and o.record_id = r.id::text
   and o.direction = 'lms_to_qbo'
  left join qbo_sync.record_outcome back
    on back.realm_id = n.realm_id and back.entity = r.entity and back.record_id = l.qbo_id
   and back.direction = 'qbo_to_lms'
 where b.name = any(%s) order by r.entity, r.id
