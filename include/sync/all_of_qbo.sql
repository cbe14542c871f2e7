-- Everything that is linked, towards the LMS.
select l.realm_id, l.entity, l.qbo_id as record_id, coalesce(i.billing_lab_id, p.billing_lab_id) as lab
  from qbo_sync.entity_link l
  left join lms.invoice i on l.entity = 'invoice' and i.id = l.lms_id
  left join lms.payment p on l.entity = 'payment' and p.id = l.lms_id
 where l.entity = any(%(entities)s) and (%(realm)s::text is null or l.realm_id = %(realm)s)
