-- The customers of a proof as the page names them: QuickBooks' with their main customer; those that it does not have, by
-- the LMS.
select c.qbo_id as customer, regexp_replace(c.name, '^.*:', '') as name, regexp_replace(p.name, '^.*:', '') as parent,
       (100 * c.balance)::bigint as balance, (100 * c.other)::bigint as other
  from qbo_sync.ledger_customer c
  left join qbo_sync.ledger_customer p on p.realm_id = c.realm_id and p.qbo_id = c.parent_id
 where c.realm_id = %(realm)s
union all
select 'billing_account:' || a.id, a.name, null, null, null from lms.billing_account a
 where 'billing_account:' || a.id in (select lms_customer from qbo_sync.reconciliation_record where reconciliation_id = %(id)s)
union all
select 'doctor_office:' || o.id, o.child_subaccount_name, a.name, null, null
  from lms.doctor_office o join lms.billing_account a on a.id = o.billing_account_id
 where 'doctor_office:' || o.id in (select lms_customer from qbo_sync.reconciliation_record where reconciliation_id = %(id)s)
