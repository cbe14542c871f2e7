-- No echo: a version that the link has is our own write, and so is the payment that stands for a credit's applications.
-- What is deleted and is neither linked nor marked nor has an error needs no mark; linked, it is never an echo, for our
-- own deletes take the link away.
select qbo_sync.mark(%(realm)s, 'qbo_to_lms', c.entity, c.qbo_id, c.lab)
  from (select e.entity, n.qbo_id, coalesce(i.billing_lab_id, p.billing_lab_id) as lab
          from new_version n
          join unnest(%(transactions)s::text[], %(entities)s::text[]) as e (resource, entity) using (resource)
          left join qbo_sync.entity_link l on l.realm_id = %(realm)s and l.entity = e.entity
                                          and l.qbo_id = n.qbo_id
          left join lms.invoice i on e.entity = 'invoice' and i.id = l.lms_id
          left join lms.payment p on e.entity = 'payment' and p.id = l.lms_id
         where (l.qbo_id is null or n.sync_token is null or l.sync_token is distinct from n.sync_token)
           and not exists (select 1 from qbo_sync.credit_application_link a
                            where e.entity = 'payment' and a.realm_id = %(realm)s and a.qbo_id = n.qbo_id)
           and (n.sync_token is not null or l.qbo_id is not null
                or exists (select 1 from qbo_sync.change_mark m
                            where m.realm_id = %(realm)s and m.direction = 'qbo_to_lms' and m.entity = e.entity
                              and m.record_id = n.qbo_id)
                or exists (select 1 from qbo_sync.sync_error x
                            where x.realm_id = %(realm)s and x.direction = 'qbo_to_lms'
                              and x.record_entity = e.entity and x.record_id = n.qbo_id
                              and x.status in ('open', 'ignored')))
         order by e.entity, n.qbo_id) c
