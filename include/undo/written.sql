-- What a run wrote in a company: one row per record and side, with what is so now.
with entry as (
    select e.*, coalesce(e.lms_id::text, case when e.entity = 'special_item' then e.document_number end) as record_id
      from qbo_sync.audit_entry e
     where e.realm_id = %(realm)s and e.dag_id = %(dag)s and e.run_id = %(run)s
), written as (
    select array_agg(id order by id) as entries, max(id) as entry_id, side, entity,
           (array_agg(record_id order by id desc))[1] as record_id,
           (array_agg(qbo_id order by id desc))[1] as qbo_id,
           (array_agg(billing_lab_id order by id desc))[1] as billing_lab_id,
           (array_agg(operation order by id))[1] as first, (array_agg(operation order by id desc))[1] as last,
           (array_agg(before order by id))[1] as before, (array_agg(after order by id desc))[1] as after,
           (array_agg(base order by id))[1] as base,
           (array_agg(sync_token order by id desc))[1] as sync_token
      from entry group by side, entity, coalesce('lms ' || record_id, 'qbo ' || qbo_id)
)
select w.*,
       exists (select from qbo_sync.audit_entry later
                where later.realm_id = %(realm)s and later.entity = w.entity and later.id > w.entry_id
                  and (later.lms_id::text = w.record_id or later.qbo_id = w.qbo_id)
                  and later.undo_of is distinct from w.entry_id
                  and (later.dag_id, later.run_id) is distinct from (%(dag)s, %(run)s)) as changed_later,
       exists (select from qbo_sync.audit_entry later where later.undo_of = w.entry_id) as undone,
       -- payments of ours have been applied to it, or taken off it: each gives it a new version in QuickBooks
       w.entity = 'invoice'
         and exists (select from qbo_sync.audit_entry later
                      where later.realm_id = %(realm)s and later.id > w.entry_id and later.side = 'qbo'
                        and later.entity in ('payment', 'credit_application')
                        and (later.before -> 'applications' @> own.application
                             or later.after -> 'applications' @> own.application)) as applied_since,
       exists (select from qbo_sync.left_alone a
                where a.realm_id = %(realm)s and a.entity = w.entity and a.reason <> %(taken_back)s
                  and (a.lms_id::text = w.record_id or a.qbo_id = w.qbo_id)) as left_alone,
       exists (select from qbo_sync.change_mark m
                where m.realm_id = %(realm)s and m.entity = w.entity
                  and m.record_id = case m.direction when 'lms_to_qbo' then w.record_id else w.qbo_id end)
           or exists (select from qbo_sync.lms_change c where c.entity = w.entity and c.lms_id::text = w.record_id)
           or exists (select from qbo_sync.write_intent i
                       where i.realm_id = %(realm)s and i.entity = w.entity and i.record_id = w.record_id) as pending,
       l.qbo_id as linked_to, l.version as link_version, l.sync_token as link_token
  from written w
 cross join lateral (select jsonb_build_array(jsonb_build_object('invoice', jsonb_build_array('invoice', w.record_id)))
                     as application) own
  left join qbo_sync.linked_record l
    on l.realm_id = %(realm)s and l.entity = w.entity and l.record_id = w.record_id
 order by w.entry_id
