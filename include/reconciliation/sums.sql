-- What each lab's customers come to on both sides. Cents.
select billing_lab_id, customer,
       (100 * sum(case when side = 'lms' and entity = 'invoice' then amount else 0 end))::bigint as lms_invoices,
       (100 * sum(case when side = 'lms' and entity = 'invoice' then open else 0 end))::bigint as lms_invoices_open,
       (100 * sum(case when side = 'lms' and entity = 'credit' then amount else 0 end))::bigint as lms_credits,
       (100 * sum(case when side = 'lms' and entity = 'credit' then open else 0 end))::bigint as lms_credits_open,
       (100 * sum(case when side = 'lms' and entity = 'payment' then amount else 0 end))::bigint as lms_payments,
       (100 * sum(case when side = 'lms' and entity = 'payment' then open else 0 end))::bigint as lms_payments_open,
       (100 * sum(case when side = 'qbo' and entity = 'invoice' then amount else 0 end))::bigint as qbo_invoices,
       (100 * sum(case when side = 'qbo' and entity = 'invoice' then open else 0 end))::bigint as qbo_invoices_open,
       (100 * sum(case when side = 'qbo' and entity = 'credit' then amount else 0 end))::bigint as qbo_credits,
       (100 * sum(case when side = 'qbo' and entity = 'credit' then open else 0 end))::bigint as qbo_credits_open,
       (100 * sum(case when side = 'qbo' and entity = 'payment' then amount else 0 end))::bigint as qbo_payments,
       (100 * sum(case when side = 'qbo' and entity = 'payment' then open else 0 end))::bigint as qbo_payments_open
  from (select billing_lab_id, entity, 'lms' as side, lms_customer as customer, lms_amount as amount, lms_open as open
          from qbo_sync.reconciliation_record where reconciliation_id = %(id)s and lms_amount is not null
        union all
        select billing_lab_id, entity, 'qbo', qbo_customer, qbo_amount, qbo_open
          from qbo_sync.reconciliation_record where reconciliation_id = %(id)s and qbo_amount is not null) records
 group by billing_lab_id, customer
