-- Credits of ours that somebody has changed in QuickBooks, and what they are applied to. Nothing of it flows, but whose
-- they are (rule 9) and what they pay is compared.
select qbo_sync.mark(%(realm)s, 'lms_to_qbo', changed.entity, changed.credit_id::text, c.billing_lab_id)
  from (select 'credit' as entity, l.lms_id as credit_id
          from new_version n
          join qbo_sync.entity_link l on l.realm_id = %(realm)s and l.entity = 'credit' and l.qbo_id = n.qbo_id
         where n.resource = 'CreditMemo' and n.sync_token is not null and n.sync_token is distinct from l.sync_token
         union all
        select 'credit_application', a.credit_id
          from new_version n
          join qbo_sync.credit_application_link a on a.realm_id = %(realm)s and a.qbo_id = n.qbo_id
         where n.resource = 'Payment' and n.sync_token is distinct from a.sync_token) changed
  join lms.credit c on c.id = changed.credit_id
 order by changed.entity, changed.credit_id
