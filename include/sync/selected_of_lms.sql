-- The records that a run towards QuickBooks is asked to compare again: realm_id, entity, record_id, qbo_id, number, lab.
-- Everything that is linked or could be, narrowed by what was asked for. A record that was deleted in the LMS still has
-- its day and number in the base, and its lab in its last outcome.
select * from (
    select e.realm_id, e.entity, e.record_id, e.qbo_id, e.number, e.dated,
           coalesce(e.lab, (select s.billing_lab_id from qbo_sync.sync_outcome s
                             where s.realm_id = e.realm_id and s.direction = 'lms_to_qbo' and s.entity = e.entity
                               and s.record_id = e.record_id and s.billing_lab_id is not null
                             order by s.id desc limit 1)) as lab
      from (select l.realm_id, l.entity, l.record_id, l.qbo_id, coalesce(i.invoice_number, l.base ->> 'number') as number,
                   coalesce(i.invoice_date, p.payment_date, c.credit_date,
                            case when l.base ->> 'date' ~ '^\d{4}-\d\d-\d\d$' then (l.base ->> 'date')::date end)
                       as dated,
                   coalesce(i.billing_lab_id, p.billing_lab_id, c.billing_lab_id) as lab
              from qbo_sync.linked_record l
              left join lms.invoice i on l.entity = 'invoice' and i.id::text = l.record_id
              left join lms.payment p on l.entity = 'payment' and p.id::text = l.record_id
              left join lms.credit c on l.entity in ('credit', 'credit_application') and c.id::text = l.record_id
            union all
            select n.realm_id, t.entity, t.id::text, null, t.number, t.dated, t.billing_lab_id
              from (select 'invoice' as entity, id, invoice_number as number, invoice_date as dated, billing_lab_id
                      from lms.invoice
                    union all
                    select 'payment', id, null, payment_date, billing_lab_id from lms.payment
                    union all
                    select e.entity, c.id, null, c.credit_date, c.billing_lab_id
                      from lms.credit c cross join (values ('credit'), ('credit_application')) e (entity)) t
              join qbo_sync.connection n using (billing_lab_id)
             where not exists (select 1 from qbo_sync.linked_record l
                                where l.realm_id = n.realm_id and l.entity = t.entity and l.record_id = t.id::text)) e
     where e.entity = any(%(entities)s) and (%(realm)s::text is null or e.realm_id = %(realm)s)
       and (not %(named)s or e.number = any(%(numbers)s) or e.record_id = any(%(lms_ids)s)
            or e.qbo_id = any(%(qbo_ids)s))
       and (%(from_date)s::date is null or e.dated >= %(from_date)s)
       and (%(to_date)s::date is null or e.dated <= %(to_date)s)) narrowed
 where %(lab)s::bigint is null or lab = %(lab)s
