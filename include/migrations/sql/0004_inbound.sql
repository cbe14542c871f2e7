-- From QuickBooks to the LMS: how far each company has been read, what was seen of it, which of its marks are due, and
-- what makes errors heal by themselves.

-- ---------------------------------------------------------------- change capture

-- How far a company's changes have been read, by QuickBooks' own clock. No row, or `compare_asked_at`: everything is
-- compared the next time, not only what changed.
create table qbo_sync.qbo_cursor (
    realm_id          text primary key references qbo_sync.company (realm_id),
    changed_since     timestamptz not null,        -- the next question
    compare_asked_at  timestamptz,                 -- everything is to be compared, asked for then
    captured_at       timestamptz not null default clock_timestamp()
);

-- The last version seen of each record. The questions overlap, and a change that was seen is not marked twice.
create table qbo_sync.qbo_seen (
    realm_id      text not null references qbo_sync.company (realm_id),
    resource      text not null,
    qbo_id        text not null,
    sync_token    text,                            -- null: deleted
    last_updated  timestamptz not null,
    primary key (realm_id, resource, qbo_id)
);

-- Transactions that were left alone may concern the sync once the start date or the receiving lab changes.
create function qbo_sync.compare_all() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' or (old.realm_id, old.sync_start_date, old.receives_qbo_transactions)
                            is distinct from (new.realm_id, new.sync_start_date, new.receives_qbo_transactions) then
        update qbo_sync.qbo_cursor set compare_asked_at = clock_timestamp() where realm_id = new.realm_id;
    end if;
    return null;
end
$$;
create trigger compare_all
    after insert or update on qbo_sync.connection for each row execute function qbo_sync.compare_all();

-- ---------------------------------------------------------------- what is due

-- As before (0002), and for QuickBooks → LMS: a record that is linked to nothing is the receiving lab's, and what
-- waits for a QuickBooks record waits until that one is linked or nobody is going to look at it any more.
create or replace view qbo_sync.due_mark as
    select m.*
      from qbo_sync.change_mark m
      join qbo_sync.company c on c.realm_id = m.realm_id and c.status = 'connected'
     where (m.attempt_after is null or m.attempt_after <= clock_timestamp())
       and (m.waits_for_entity is null
            or case m.direction
               when 'lms_to_qbo' then
                   exists (select 1 from qbo_sync.linked_record l
                            where l.realm_id = m.realm_id and l.entity = m.waits_for_entity
                              and l.record_id = m.waits_for_id)
               else
                   exists (select 1 from qbo_sync.linked_record l
                            where l.realm_id = m.realm_id and l.entity = m.waits_for_entity
                              and l.qbo_id = m.waits_for_id)
                   or not exists (select 1 from qbo_sync.change_mark w
                                   where w.realm_id = m.realm_id and w.direction = m.direction
                                     and w.entity = m.waits_for_entity and w.record_id = m.waits_for_id)
               end
            or m.waits_since < clock_timestamp() - interval '1 hour')
       and exists (select 1 from qbo_sync.connection n
                    where n.realm_id = m.realm_id
                      and n.direction in (m.direction, 'both')
                      and (m.entity in ('billing_account', 'doctor_office', 'product', 'special_item')
                           or (case when m.direction = 'qbo_to_lms' and m.billing_lab_id is null
                                    then n.receives_qbo_transactions
                                    else n.billing_lab_id = coalesce(m.billing_lab_id, n.billing_lab_id) end
                               and case m.entity when 'invoice' then n.sync_invoices
                                                 when 'payment' then n.sync_payments
                                                 else n.sync_credits end)));

-- ---------------------------------------------------------------- errors that heal by themselves

create index on qbo_sync.sync_error (realm_id, error_code) where status = 'open';

-- A customer gets linked, by the sync or by hand: the transactions that it kept out are tried again. An invoice gets
-- linked: so are the payments of which a part was left out for its sake. Only `retry_at` is set here; the next
-- dispatcher makes marks of it, so that no transaction marks in an order of its own.
create function qbo_sync.retry_what_needed_link() returns trigger language plpgsql as $$
begin
    if new.entity in ('billing_account', 'doctor_office') then
        update qbo_sync.sync_error set retry_at = clock_timestamp()
         where realm_id = new.realm_id and status = 'open' and direction = 'qbo_to_lms'
           and error_code = 'customer_not_linked' and detail ->> 'customer_id' = new.qbo_id;
    elsif new.entity = 'invoice' then
        update qbo_sync.sync_error set retry_at = clock_timestamp()
         where realm_id = new.realm_id and status = 'open' and direction = 'qbo_to_lms'
           and error_code = 'unsynced_application' and detail -> 'invoice_ids' ? new.qbo_id;
    end if;
    return null;
end
$$;
create trigger retry_what_needed_link after insert or update of qbo_id on qbo_sync.entity_link
    for each row execute function qbo_sync.retry_what_needed_link();

-- A customer that was ignored is not any more: its transactions are looked at again.
create function qbo_sync.heed_customer_again() returns trigger language plpgsql as $$
begin
    update qbo_sync.sync_error set status = 'open', retry_at = clock_timestamp()
     where realm_id = old.realm_id and status = 'ignored' and error_code = 'customer_not_linked'
       and detail ->> 'customer_id' = old.qbo_id;
    perform pg_notify('qbo_sync', '');
    return null;
end
$$;
create trigger heed_customer_again after delete on qbo_sync.ignored_customer
    for each row execute function qbo_sync.heed_customer_again();

-- ---------------------------------------------------------------- balances

-- Which payments and credits both sides have agreed to apply to an invoice: looked up for each balance that comes.
create index on qbo_sync.entity_link using gin ((base -> 'applications') jsonb_path_ops) where entity = 'payment';
create index on qbo_sync.credit_application_link using gin ((base -> 'applications') jsonb_path_ops);

-- What payments and credits of the LMS take off an invoice without QuickBooks knowing it yet. Negative: they have been
-- taken back in the LMS, and QuickBooks still counts them.
create function qbo_sync.not_in_quickbooks_yet(p_realm_id text, p_invoice_id bigint) returns numeric
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

-- Whether a payment or a credit's application to the invoice is on its way to QuickBooks at this moment, so that nobody
-- can tell whether a balance that was read there counts it.
create function qbo_sync.application_under_way(p_realm_id text, p_invoice_id bigint) returns boolean
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

-- ---------------------------------------------------------------- links made by hand

-- A customer that somebody links with a plain row: what the LMS says of it now counts as agreed, so that a later move
-- of the pair to another account is noticed.
create function qbo_sync.fill_base() returns trigger language plpgsql as $$
begin
    if new.entity = 'billing_account' then
        select jsonb_build_object('name', a.name, 'email', a.email, 'phone', a.phone, 'parent', null, 'wanted', true)
          into new.base from lms.billing_account a where a.id = new.lms_id;
    else
        select jsonb_build_object('name', o.child_subaccount_name, 'email', null, 'phone', null,
                                  'parent', jsonb_build_array('billing_account', o.billing_account_id::text),
                                  'wanted', a.accounting_structure = 'detailed')
          into new.base
          from lms.doctor_office o join lms.billing_account a on a.id = o.billing_account_id where o.id = new.lms_id;
    end if;
    new.base := coalesce(new.base, '{}');
    return new;
end
$$;
create trigger fill_base before insert on qbo_sync.entity_link for each row
    when (new.base = '{}' and new.entity in ('billing_account', 'doctor_office')) execute function qbo_sync.fill_base();
