-- The records that a run towards the LMS is asked to compare again: realm_id, entity, record_id (QuickBooks' id), lms_id,
-- number, lab. Everything that is linked, narrowed by what was asked for; and of what is not linked, what was seen in
-- QuickBooks or is left alone and is asked for by its id. That belongs to the lab that receives such transactions.
select * from (
    select l.realm_id, l.entity, l.qbo_id as record_id, l.lms_id::text as lms_id,
           coalesce(i.invoice_number, l.base ->> 'number') as number,
           coalesce(i.invoice_date, p.payment_date,
                    case when l.base ->> 'date' ~ '^\d{4}-\d\d-\d\d$' then (l.base ->> 'date')::date end) as dated,
           coalesce(i.billing_lab_id, p.billing_lab_id,
                    (select s.billing_lab_id from qbo_sync.sync_outcome s
                      where s.realm_id = l.realm_id and s.direction = 'qbo_to_lms' and s.entity = l.entity
                        and s.record_id = l.qbo_id and s.billing_lab_id is not null order by s.id desc limit 1)) as lab
      from qbo_sync.entity_link l
      left join lms.invoice i on l.entity = 'invoice' and i.id = l.lms_id
      left join lms.payment p on l.entity = 'payment' and p.id = l.lms_id
     where l.entity = any(%(entities)s) and (%(realm)s::text is null or l.realm_id = %(realm)s)
    union all
    select k.realm_id, k.entity, k.qbo_id, null, null, null,
           (select n.billing_lab_id from qbo_sync.connection n
             where n.realm_id = k.realm_id and n.receives_qbo_transactions)
      from (select realm_id, lower(resource) as entity, qbo_id from qbo_sync.qbo_seen
             where resource in ('Invoice', 'Payment') and sync_token is not null
            union
            select realm_id, entity, qbo_id from qbo_sync.left_alone where qbo_id is not null) k
     where k.entity = any(%(entities)s) and k.qbo_id = any(%(qbo_ids)s)
       and (%(realm)s::text is null or k.realm_id = %(realm)s)
       and not exists (select 1 from qbo_sync.linked_record l
                        where l.realm_id = k.realm_id and l.qbo_id = k.qbo_id
                          and l.entity in (k.entity, 'credit_application'))) everything
 where (not %(named)s or number = any(%(numbers)s) or lms_id = any(%(lms_ids)s) or record_id = any(%(qbo_ids)s))
   and (%(from_date)s::date is null or dated >= %(from_date)s)
   and (%(to_date)s::date is null or dated <= %(to_date)s)
   and (%(lab)s::bigint is null or lab = %(lab)s)
