-- The records of a proof that differ, each with what the sync knows of it.
select r.*,
       case when r.lms_amount is not null and l.base <> '{}' then
            -- what the LMS says is what both sides had agreed on
            coalesce(l.base ->> 'total', l.base ->> 'amount')::numeric = r.lms_amount
            and (r.entity <> 'credit' or coalesce(applied.agreed, '{}') = coalesce(r.lms_applied, '{}')) end as as_agreed,
       e.id as error_id, e.error_code, e.status as error_status, e.message as error_message,
       e.resolution as error_resolution,
       m.direction as marked, m.waits_for_entity, m.waits_for_id, m.marked_at,
       exists (select from qbo_sync.lms_change c
                where (c.entity = r.entity or r.entity = 'invoice' and c.entity = 'invoice_balance')
                  and (c.lms_id = k.lms_id or c.lms_id is null))
         or exists (select from qbo_sync.write_intent w
                     where w.realm_id = %(realm)s and w.record_id = k.lms_id::text
                       and (w.entity = r.entity or r.entity = 'credit' and w.entity = 'credit_application')) as in_hand,
       case when r.entity = 'invoice' then (select h.goes_out_at from qbo_sync.held_invoice h
                                             where h.realm_id = %(realm)s and h.invoice_id = r.lms_id) end as held_until,
       (select a.reason from qbo_sync.left_alone a
         where a.realm_id = %(realm)s and (a.entity = r.entity or r.entity = 'credit' and a.entity = 'credit_application')
           and (a.lms_id = k.lms_id or a.qbo_id = r.qbo_id) limit 1) as left_alone,
       i.qbo_id is not null as customer_ignored,
       -- What was entered in another QuickBooks company (its lab was connected to that before) is never sent to this one.
       case when r.qbo_amount is null and not r.linked then
            (select c.name from qbo_sync.entity_link o join qbo_sync.company c on c.realm_id = o.realm_id
              where o.entity = r.entity and o.lms_id = r.lms_id and o.realm_id <> %(realm)s
                and 'qbo' = case r.entity when 'invoice' then (select origin from lms.invoice where id = r.lms_id)
                                          when 'payment' then (select origin from lms.payment where id = r.lms_id) end
              order by o.updated_at desc limit 1) end as other_company,
       -- QuickBooks' version is one that no change capture has seen, and that we did not write
       coalesce(r.qbo_updated_at >= (select changed_since from qbo_sync.qbo_cursor where realm_id = %(realm)s),
                r.qbo_updated_at is not null)
         and case when r.sync_token is null then s.qbo_id is null or s.sync_token is not null
                  else r.sync_token is distinct from s.sync_token and r.sync_token is distinct from l.sync_token
             end as unseen,
       -- The sync goes on after both sides were set side by side: what was agreed on, linked or unlinked since then.
       greatest(l.updated_at, n.updated_at, a.updated_at) as agreed_at,
       r.linked <> (coalesce(l.qbo_id, n.qbo_id) is not null) as relinked
  from qbo_sync.reconciliation_record r
  left join qbo_sync.entity_link l on l.realm_id = %(realm)s and l.entity = r.entity and l.qbo_id = r.qbo_id
  -- what the LMS has deleted is known by the id that it had there
 cross join lateral (select coalesce(r.lms_id, l.lms_id) as lms_id) k
  left join qbo_sync.entity_link n
    on r.qbo_id is null and n.realm_id = %(realm)s and n.entity = r.entity and n.lms_id = r.lms_id
  left join qbo_sync.credit_application_link a
    on r.entity = 'credit' and a.realm_id = %(realm)s and a.credit_id = r.lms_id
  left join lateral (
      select jsonb_object_agg(coalesce(i.qbo_id, 'lms:' || (x #>> '{invoice,1}')), (x ->> 'amount')::numeric) as agreed
        from jsonb_array_elements(a.base -> 'applications') x
        left join qbo_sync.entity_link i on i.realm_id = %(realm)s and i.entity = 'invoice'
                                        and i.lms_id::text = x #>> '{invoice,1}') applied on true
  left join qbo_sync.qbo_seen s on s.realm_id = %(realm)s and s.qbo_id = r.qbo_id
   and s.resource = case r.entity when 'invoice' then 'Invoice' when 'payment' then 'Payment' else 'CreditMemo' end
  left join qbo_sync.ignored_customer i on i.realm_id = %(realm)s and i.qbo_id = r.qbo_customer
  left join lateral (
      select * from qbo_sync.sync_error x
       where x.realm_id = %(realm)s and x.status in ('open', 'ignored')
         and x.error_code <> 'mass_delete_held'
         -- after a conflict both sides agree, but for credits, which never come back
         and (x.error_code not in ('conflict_qbo_kept', 'conflict_deleted') or r.entity = 'credit')
         and (x.direction = 'lms_to_qbo' and x.record_id = k.lms_id::text
                and (x.record_entity = r.entity or r.entity = 'credit' and x.record_entity = 'credit_application')
              or x.direction = 'qbo_to_lms' and x.record_id = r.qbo_id and x.record_entity = r.entity)
       order by x.status desc, x.id limit 1) e on true
  left join lateral (
      select * from qbo_sync.change_mark x
       where x.realm_id = %(realm)s
         and (x.direction = 'lms_to_qbo' and x.record_id = k.lms_id::text
                and (x.entity = r.entity or r.entity = 'credit' and x.entity = 'credit_application')
              or x.direction = 'qbo_to_lms' and x.record_id = r.qbo_id and x.entity = r.entity)
       order by x.waits_for_entity is null desc, x.direction limit 1) m on true
 where r.reconciliation_id = %(id)s
   and (r.lms_amount is distinct from r.qbo_amount or r.lms_open is distinct from r.qbo_open
        or r.lms_customer is distinct from r.qbo_customer or r.lms_applied is distinct from r.qbo_applied)
   and (r.lms_amount <> 0 or r.lms_open <> 0 or r.qbo_amount <> 0 or r.qbo_open <> 0)
 order by r.entity, r.lms_id, r.qbo_id
