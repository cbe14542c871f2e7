-- Every transaction of either side in one row, as it stands at this moment. {pair}, {joins}: which customer a
-- transaction of the LMS is for (include/lms/customer_of.py).
insert into qbo_sync.reconciliation_record (
    reconciliation_id, entity, lms_id, qbo_id, linked, billing_lab_id, number, lms_customer, qbo_customer, lms_dated,
    qbo_dated, lms_due, qbo_due, lms_amount, lms_open, lms_applied, qbo_amount, qbo_open, qbo_applied, sync_token,
    qbo_updated_at, settled_at)
with link as materialized (
    select * from qbo_sync.entity_link where realm_id = %(realm)s
), invoice_name as materialized (
    -- an invoice as QuickBooks names it; one that it does not have, as the LMS does
    select i.id, coalesce(l.qbo_id, 'lms:' || i.id) as name
      from lms.invoice i left join link l on l.entity = 'invoice' and l.lms_id = i.id
), paid as (
    select a.payment_id as id, sum(a.amount) as amount, jsonb_object_agg(n.name, a.amount) as applied
      from lms.payment_application a join invoice_name n on n.id = a.invoice_id where a.amount <> 0 group by 1
), credited as (
    select a.credit_id as id, sum(a.amount) as amount, jsonb_object_agg(n.name, a.amount) as applied
      from lms.credit_application a join invoice_name n on n.id = a.invoice_id where a.amount <> 0 group by 1
), transaction as (
    select 'invoice' as entity, id, billing_lab_id, billing_account_id, doctor_office_id, invoice_date as dated,
           due_date as due, invoice_number as number, total_amount as amount, balance as open, null::jsonb as applied,
           updated_at
      from lms.invoice
    union all
    select 'credit', c.id, billing_lab_id, billing_account_id, doctor_office_id, credit_date, null, c.reference,
           c.amount, c.amount - coalesce(a.amount, 0), coalesce(a.applied, '{{}}'), updated_at
      from lms.credit c left join credited a using (id)
    union all
    select 'payment', p.id, billing_lab_id, billing_account_id, doctor_office_id, payment_date, null, p.reference,
           p.amount, p.amount - coalesce(a.amount, 0), coalesce(a.applied, '{{}}'), updated_at
      from lms.payment p left join paid a using (id)
), ours as (
    -- of the company's labs; and what a lab that has left has linked here
    select r.*, l.qbo_id, l.base, greatest(r.updated_at, l.updated_at) as settled_at,
           case when {pair} then 'doctor_office' else 'billing_account' end as holder,
           case when {pair} then r.doctor_office_id else r.billing_account_id end as holder_id
      from transaction r
      left join link l on l.entity = r.entity and l.lms_id = r.id
      {joins}
     where l.qbo_id is not null
        or r.billing_lab_id in (select billing_lab_id from qbo_sync.connection where realm_id = %(realm)s)
), theirs as (
    select d.*, case d.entity when 'credit' then coalesce(a.applied, '{{}}') when 'payment' then d.applied end as uses
      from qbo_sync.ledger_document d
      -- a credit's applications are a payment of their own
      left join (select l.qbo_id as application, c.qbo_id from qbo_sync.credit_application_link l
                   join link c on c.entity = 'credit' and c.lms_id = l.credit_id where l.realm_id = %(realm)s) of_credit
        on d.entity = 'credit' and of_credit.qbo_id = d.qbo_id
      left join qbo_sync.ledger_document a
        on a.realm_id = d.realm_id and a.entity = 'payment' and a.qbo_id = of_credit.application and not a.deleted
     where d.realm_id = %(realm)s
       -- unless the bookkeeper has received money in it
       and (d.entity <> 'payment' or d.amount <> 0
            or not exists (select from qbo_sync.credit_application_link l
                            where l.realm_id = d.realm_id and l.qbo_id = d.qbo_id))
), both_sides as (
    select coalesce(o.entity, t.entity) as entity, o.id as lms_id, coalesce(o.qbo_id, t.qbo_id) as qbo_id,
           coalesce(o.qbo_id, lost.qbo_id) is not null as linked,
           case when o.id is null then %(receiver)s::bigint else o.billing_lab_id end as billing_lab_id,
           coalesce(o.number, t.number) as number,
           coalesce(by_rule.qbo_id, o.holder || ':' || o.holder_id) as by_rule,
           -- What is booked stays where it is when only the account's structure changes (rule 9, plan/whose.py).
           case when o.base #>> '{{owner,0}}' = o.billing_account_id::text
                     and o.base #>> '{{owner,1}}' is not distinct from o.doctor_office_id::text
                     or o.base ->> 'owner' is null
                then agreed.qbo_id end as as_agreed,
           t.customer_id, o.dated as lms_dated, t.dated as qbo_dated, o.due as own_due, t.due as qbo_due,
           o.amount as lms_amount, o.open as lms_open, o.applied as lms_applied,
           case when not t.deleted then t.amount end as qbo_amount, case when not t.deleted then t.open end as qbo_open,
           case when not t.deleted then t.uses end as qbo_applied, t.sync_token, t.last_updated, o.settled_at
      from ours o
      full join theirs t on t.entity = o.entity and t.qbo_id = o.qbo_id
      -- linked to what the LMS no longer has
      left join link lost on o.id is null and lost.entity = t.entity and lost.qbo_id = t.qbo_id
      left join link by_rule on by_rule.entity = o.holder and by_rule.lms_id = o.holder_id
      left join link agreed on agreed.entity = o.base #>> '{{customer,0}}'
                           and agreed.lms_id::text = o.base #>> '{{customer,1}}'
)
select %(id)s, entity, lms_id, qbo_id, linked, billing_lab_id, number,
       case when lms_amount is null then null when by_rule = customer_id then by_rule
            else coalesce(as_agreed, by_rule) end,
       case when qbo_amount is not null then customer_id end,
       lms_dated, qbo_dated,
       -- Where the LMS has no due date, QuickBooks has worked one out from its terms.
       coalesce(own_due, qbo_due, lms_dated), coalesce(qbo_due, qbo_dated),
       lms_amount, lms_open, lms_applied, qbo_amount, qbo_open, qbo_applied, sync_token, last_updated, settled_at
  from both_sides
 -- A payment without money, a void, what was deleted and never was in the LMS: no part of any sum.
 where lms_id is not null or qbo_amount <> 0 or qbo_open <> 0
