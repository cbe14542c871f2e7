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
