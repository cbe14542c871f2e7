-- Control totals, in cents: the LMS's ledger straight from its tables, QuickBooks' as its own customer balances.
with lab as (
    select billing_lab_id from qbo_sync.connection where realm_id = %(realm)s
), linked as (
    select entity, lms_id from qbo_sync.entity_link where realm_id = %(realm)s
), owed (amount) as (
    select sum(balance) from lms.invoice i
     where billing_lab_id in (select * from lab) or id in (select lms_id from linked where entity = 'invoice')
    union all
    select -sum(amount) from lms.credit c
     where billing_lab_id in (select * from lab) or id in (select lms_id from linked where entity = 'credit')
    union all
    select sum(a.amount) from lms.credit_application a join lms.credit c on c.id = a.credit_id
     where billing_lab_id in (select * from lab) or c.id in (select lms_id from linked where entity = 'credit')
    union all
    select -sum(amount) from lms.payment p
     where billing_lab_id in (select * from lab) or id in (select lms_id from linked where entity = 'payment')
    union all
    select sum(a.amount) from lms.payment_application a join lms.payment p on p.id = a.payment_id
     where billing_lab_id in (select * from lab) or p.id in (select lms_id from linked where entity = 'payment')
)
select (100 * coalesce((select sum(amount) from owed), 0))::bigint as lms_balance,
       (100 * coalesce((select sum(balance) from qbo_sync.ledger_customer where realm_id = %(realm)s), 0))::bigint
           as qbo_balance
