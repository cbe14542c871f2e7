-- Credit memos of ours that somebody has changed in QuickBooks: nothing of it flows, but whose they are is compared (rule 9).
select qbo_sync.mark(%(realm)s, 'lms_to_qbo', 'credit', l.lms_id::text, c.billing_lab_id)
  from new_version n
  join qbo_sync.entity_link l on l.realm_id = %(realm)s and l.entity = 'credit' and l.qbo_id = n.qbo_id
  join lms.credit c on c.id = l.lms_id
 where n.resource = 'CreditMemo' and n.sync_token is not null and n.sync_token is distinct from l.sync_token
 order by l.lms_id
