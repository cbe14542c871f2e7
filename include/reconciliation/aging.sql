-- Open receivables of both sides by days past due, as an A/R aging shows them: what of credits and payments is not
-- applied counts against them, by its own date.
insert into qbo_sync.reconciliation_aging (reconciliation_id, billing_lab_id, bucket, lms, qbo)
with open_amount as (
    select billing_lab_id, entity, %(as_of)s::date - lms_due as days, lms_open as lms, 0 as qbo
      from qbo_sync.reconciliation_record where reconciliation_id = %(id)s and lms_open <> 0
    union all
    select billing_lab_id, entity, %(as_of)s::date - qbo_due, 0, qbo_open
      from qbo_sync.reconciliation_record where reconciliation_id = %(id)s and qbo_open <> 0
), aged as (
    select billing_lab_id,
           case when days <= 0 or days is null then 'current' when days <= 30 then '1-30' when days <= 60 then '31-60'
                when days <= 90 then '61-90' else 'over-90' end as bucket,
           sum(case entity when 'invoice' then lms else -lms end) as lms,
           sum(case entity when 'invoice' then qbo else -qbo end) as qbo
      from open_amount group by 1, 2
)
select %(id)s, lab.billing_lab_id, b.bucket, coalesce(a.lms, 0), coalesce(a.qbo, 0)
  from (select distinct billing_lab_id from qbo_sync.reconciliation_record where reconciliation_id = %(id)s) lab
 cross join (values ('current'), ('1-30'), ('31-60'), ('61-90'), ('over-90')) b (bucket)
  left join aged a on a.billing_lab_id is not distinct from lab.billing_lab_id and a.bucket = b.bucket
