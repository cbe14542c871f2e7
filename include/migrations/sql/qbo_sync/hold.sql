-- Invoices that a lab holds back before they go to QuickBooks (docs/decisions/0020-held-invoices.md).

-- When an invoice of this day goes out, by the lab's setting; null: at once. At noon UTC: by then the day has begun
-- everywhere, so that no invoice goes out on the evening before. A day of another millennium counts as of the last year
-- from which there is still a month to go.
create or replace function qbo_sync.goes_out_at(p_hold text, p_days integer, p_invoice_date date) returns timestamptz
language sql immutable as $$
    select (case p_hold when 'days' then least(p_invoice_date, '9998-12-31') + p_days
                        when 'month_end' then (date_trunc('month', least(p_invoice_date, '9998-12-31')::timestamp) + interval '1 month')::date
            end + time '12:00') at time zone 'UTC'
$$;

-- Those that wait for that moment: marked, new to QuickBooks, and released by nobody.
create or replace view qbo_sync.held_invoice as
    select n.realm_id, n.billing_lab_id, i.id as invoice_id, i.invoice_number, i.invoice_date, i.total_amount,
           g.goes_out_at
      from qbo_sync.connection n
      join qbo_sync.change_mark m on m.realm_id = n.realm_id and m.direction = 'lms_to_qbo' and m.entity = 'invoice'
                                 and m.billing_lab_id = n.billing_lab_id
      -- twice the same, so that either table can lead to the other by an index
      join lms.invoice i on i.id = case when m.entity = 'invoice' then m.record_id::bigint end
                        and i.id::text = m.record_id
                        and i.billing_lab_id = n.billing_lab_id and i.origin = 'lms'
     cross join lateral qbo_sync.goes_out_at(n.hold_invoices, n.hold_days, i.invoice_date) as g (goes_out_at)
     where n.hold_invoices <> 'none' and n.sync_invoices and n.direction in ('lms_to_qbo', 'both')
       and (n.sync_start_date is null or i.invoice_date >= n.sync_start_date)
       and g.goes_out_at > clock_timestamp()
       and not exists (select 1 from qbo_sync.released_invoice r where r.invoice_id = i.id)
       and not exists (select 1 from qbo_sync.entity_link l
                        where l.realm_id = n.realm_id and l.entity = 'invoice' and l.lms_id = i.id);

-- Release held invoices of a lab, these or (null) all: they go out at once. Who did it is kept in qbo_sync.page_change.
-- Returns how many. They go through the raw feed, because a transaction that marked here would take locks in an order
-- of its own.
create or replace function qbo_sync.release_invoices(p_billing_lab_id bigint, p_user_name text,
                                                     p_invoice_ids bigint[] default null) returns integer
language sql as $$
    with held as (
        select * from qbo_sync.held_invoice
         where billing_lab_id = p_billing_lab_id and (p_invoice_ids is null or invoice_id = any (p_invoice_ids))
    ), released as (
        insert into qbo_sync.released_invoice (invoice_id, user_name) select invoice_id, p_user_name from held
        on conflict do nothing returning invoice_id
    ), queued as (
        insert into qbo_sync.lms_change (entity, lms_id, billing_lab_id)
        select 'invoice', invoice_id, p_billing_lab_id from released
    ), kept as (
        insert into qbo_sync.page_change (user_name, action, billing_lab_id, realm_id, detail)
        select p_user_name, 'release', p_billing_lab_id, min(h.realm_id),
               jsonb_build_object('invoices', jsonb_agg(h.invoice_number order by h.invoice_id))
          from held h join released using (invoice_id) having count(*) > 0
    ), woken as (
        select pg_notify('qbo_sync', '')
    )
    select count(*)::integer from released, woken
$$;
