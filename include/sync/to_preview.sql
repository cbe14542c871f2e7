-- What a lab (null: every lab of the company) has to sync, started or not: the marked records that its settings let
-- flow, and the customers and items that those need.
with marked as (
    select m as mark, m.direction, m.entity, m.record_id, m.billing_lab_id
      from qbo_sync.change_mark m
     where m.realm_id = %(realm)s
       and exists (select 1 from qbo_sync.connection n
                    where n.realm_id = m.realm_id and n.billing_lab_id = coalesce(%(lab)s, n.billing_lab_id)
                      and qbo_sync.lets_flow(n, m))
       -- Of the customers and items that all labs share, those that this one needs.
       and (m.entity not in ('billing_account', 'doctor_office', 'product', 'special_item')
            or coalesce(m.billing_lab_id, %(lab)s) is not distinct from coalesce(%(lab)s, m.billing_lab_id))
)
select direction, entity, record_id, billing_lab_id from marked
 union
select 'lms_to_qbo', d.entity, d.record_id, d.billing_lab_id
  from (select array_agg(mark) as marks from marked
         where direction = 'lms_to_qbo' and entity in ('invoice', 'credit', 'doctor_office')) a
 cross join lateral qbo_sync.dependencies(a.marks) d
 where not exists (select 1 from marked m where m.direction = 'lms_to_qbo'
                                            and m.entity = d.entity and m.record_id = d.record_id)
