-- Balances: what payments and credits of the LMS take off an invoice that QuickBooks does not count yet.

-- The amount that is applied to the invoice in the LMS and not in QuickBooks. Negative: it was taken back in the LMS,
-- and QuickBooks still counts it.
create or replace function qbo_sync.unsynced_applications(p_realm_id text, p_invoice_id bigint) returns numeric
language sql stable as $$
    with agreed as (
        select base from qbo_sync.entity_link
         where realm_id = p_realm_id and entity = 'payment'
           and base -> 'applications' @> format('[{"invoice": ["invoice", "%s"]}]', p_invoice_id)::jsonb
        union all
        select base from qbo_sync.credit_application_link
         where realm_id = p_realm_id
           and base -> 'applications' @> format('[{"invoice": ["invoice", "%s"]}]', p_invoice_id)::jsonb
    )
    select coalesce((select sum(amount) from lms.payment_application where invoice_id = p_invoice_id), 0)
         + coalesce((select sum(amount) from lms.credit_application where invoice_id = p_invoice_id), 0)
         - coalesce((select sum((a ->> 'amount')::numeric)
                       from agreed cross join lateral jsonb_array_elements(agreed.base -> 'applications') a
                      where a -> 'invoice' ->> 1 = p_invoice_id::text), 0)
$$;

-- Whether a payment or a credit's application to the invoice is in flight to QuickBooks at this moment, so that nobody
-- can say whether a balance that was read there counts it.
create or replace function qbo_sync.application_in_flight(p_realm_id text, p_invoice_id bigint) returns boolean
language sql stable as $$
    select exists (
        select 1
          from qbo_sync.write_intent i
          left join qbo_sync.linked_record l on l.realm_id = i.realm_id and l.entity = i.entity
                                            and l.record_id = i.record_id
         cross join lateral (values (i.base), (l.base)) version (base)
         cross join lateral jsonb_array_elements(coalesce(version.base -> 'applications', '[]')) a
         where i.realm_id = p_realm_id and i.entity in ('payment', 'credit_application')
           and a -> 'invoice' ->> 1 = p_invoice_id::text)
$$;

-- The invoices of the LMS and the amounts that a payment or a credit's application was agreed to settle. What somebody
-- has written as a base by hand and is none counts as nothing.
create or replace function qbo_sync.agreed_applications(p_base jsonb) returns table (invoice_id bigint, amount text)
language sql immutable as $$
    select (a -> 'invoice' ->> 1)::bigint, a ->> 'amount'
      from jsonb_array_elements(case jsonb_typeof(p_base -> 'applications') when 'array' then p_base -> 'applications'
                                else '[]' end) a
     where a -> 'invoice' ->> 1 ~ '^[0-9]{1,18}$'
$$;

-- These invoices are to be compared with QuickBooks again, for the balance's sake: through the raw feed, because a
-- transaction that marked them here would take locks in an order of its own.
create or replace function qbo_sync.queue_balances(p_invoice_ids bigint[]) returns void language sql as $$
    insert into qbo_sync.lms_change (entity, lms_id, billing_lab_id)
    select 'invoice_balance', id, billing_lab_id from lms.invoice where id = any (p_invoice_ids)
$$;

-- What was agreed about a payment or a credit's application has changed, and with it the balance that follows from
-- QuickBooks' own. QuickBooks may have counted it so for long, and then shows no change of the invoice. (A new link
-- needs nothing: QuickBooks' invoice changes with what was just made.) Not where the pipeline writes to the LMS: it
-- brings the balances that it has read with the payment. Not of what somebody has taken back: that is left as it is.
create or replace function qbo_sync.queue_balances_of_link() returns trigger language plpgsql as $$
declare
    link jsonb := to_jsonb(old);
    base jsonb;
begin
    if tg_op = 'UPDATE' then
        base := new.base;
    end if;
    if current_setting('qbo_sync.origin', true) in ('dry_run', 'pipeline')
       or exists (select 1 from qbo_sync.left_alone a
                   where a.realm_id = old.realm_id and a.entity = tg_argv[0]
                     and a.lms_id = (link ->> tg_argv[1])::bigint) then
        return null;
    end if;
    perform qbo_sync.queue_balances(array_agg(invoice_id))
       from qbo_sync.agreed_applications(old.base) was
       full join qbo_sync.agreed_applications(base) is_now using (invoice_id)
      where was.amount is distinct from is_now.amount;
    return null;
end
$$;
create or replace trigger queue_balances_of_update after update on qbo_sync.entity_link for each row
    when (new.entity = 'payment' and new.base is distinct from old.base)
    execute function qbo_sync.queue_balances_of_link('payment', 'lms_id');
create or replace trigger queue_balances_of_delete after delete on qbo_sync.entity_link for each row
    when (old.entity = 'payment') execute function qbo_sync.queue_balances_of_link('payment', 'lms_id');
create or replace trigger queue_balances_of_update after update on qbo_sync.credit_application_link for each row
    when (new.base is distinct from old.base)
    execute function qbo_sync.queue_balances_of_link('credit_application', 'credit_id');
create or replace trigger queue_balances_of_delete after delete on qbo_sync.credit_application_link for each row
    execute function qbo_sync.queue_balances_of_link('credit_application', 'credit_id');
