-- Everything that is linked or could be, towards QuickBooks.
select realm_id, entity, record_id, lab
  from (select l.realm_id, l.entity, l.record_id, i.billing_lab_id as lab
          from qbo_sync.linked_record l
          left join lms.invoice i on l.entity = 'invoice' and i.id::text = l.record_id
        union
        select n.realm_id, 'invoice', i.id::text, i.billing_lab_id
          from lms.invoice i join qbo_sync.connection n using (billing_lab_id)
        union
        select n.realm_id, 'payment', p.id::text, p.billing_lab_id
          from lms.payment p join qbo_sync.connection n using (billing_lab_id)
        union
        select n.realm_id, e.entity, c.id::text, c.billing_lab_id
          from lms.credit c join qbo_sync.connection n using (billing_lab_id)
         cross join (values ('credit'), ('credit_application')) e (entity)) everything
 where entity = any(%(entities)s) and (%(realm)s::text is null or realm_id = %(realm)s)
