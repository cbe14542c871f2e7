-- Accounts and pairs that a QuickBooks customer could be linked to, and whether each is linked already.
select c.entity, c.lms_id, c.name, c.account, l.qbo_id is not null as linked
  from (select 'billing_account' as entity, a.id as lms_id, a.name, null::text as account
          from lms.billing_account a
         union all
        select 'doctor_office', o.id, o.child_subaccount_name, a.name
          from lms.doctor_office o join lms.billing_account a on a.id = o.billing_account_id) c
  left join qbo_sync.entity_link l on l.realm_id = %(realm)s and l.entity = c.entity and l.lms_id = c.lms_id
                                  and not exists (select 1 from qbo_sync.orphaned_link g
                                                   where (g.realm_id, g.entity, g.lms_id)
                                                         = (l.realm_id, l.entity, l.lms_id))
