-- The dispatcher: turns the raw change feed, and errors whose retry is due, into marks.

-- Linked transactions of the lab that are no longer in the LMS. Which lab one belonged to, its last outcome says.
create or replace function qbo_sync.mark_deleted(p_billing_lab_id bigint) returns void language sql as $$
    select qbo_sync.mark(l.realm_id, 'lms_to_qbo', l.entity, l.record_id, coalesce(o.billing_lab_id, p_billing_lab_id))
      from qbo_sync.connection n
      join qbo_sync.linked_record l on l.realm_id = n.realm_id
                                   and l.entity in ('invoice', 'payment', 'credit', 'credit_application')
      left join lms.invoice i on l.entity = 'invoice' and i.id::text = l.record_id
      left join lms.payment p on l.entity = 'payment' and p.id::text = l.record_id
      left join lms.credit c on l.entity in ('credit', 'credit_application') and c.id::text = l.record_id
      left join lateral (
          select s.billing_lab_id from qbo_sync.sync_outcome s
           where s.realm_id = l.realm_id and s.direction = 'lms_to_qbo' and s.entity = l.entity
             and s.record_id = l.record_id and s.billing_lab_id is not null
           order by s.id desc limit 1) o on true
     where n.billing_lab_id = p_billing_lab_id and coalesce(i.id, p.id, c.id) is null
       and coalesce(o.billing_lab_id, p_billing_lab_id) = p_billing_lab_id
$$;

-- A TRUNCATE names no rows: everything of the entity that is linked or marked is marked; a credit's applications with
-- the credit.
create or replace function qbo_sync.mark_after_truncate(p_entity text) returns void language sql as $$
    select qbo_sync.mark(t.realm_id, 'lms_to_qbo', t.entity, t.record_id,
                         coalesce(i.billing_lab_id, c.billing_lab_id, p.billing_lab_id, o.billing_lab_id))
      from (select realm_id, entity, record_id from qbo_sync.linked_record
             union
            select realm_id, entity, record_id from qbo_sync.change_mark where direction = 'lms_to_qbo') t
      left join lms.invoice i on t.entity = 'invoice' and i.id::text = t.record_id
      left join lms.credit c on t.entity in ('credit', 'credit_application') and c.id::text = t.record_id
      left join lms.payment p on t.entity = 'payment' and p.id::text = t.record_id
      -- whose the lost row was, its last outcome knows
      left join lateral (
          select s.billing_lab_id from qbo_sync.sync_outcome s
           where s.realm_id = t.realm_id and s.direction = 'lms_to_qbo' and s.entity = t.entity
             and s.record_id = t.record_id and s.billing_lab_id is not null
           order by s.id desc limit 1) o on true
     where t.entity = p_entity or p_entity = 'credit' and t.entity = 'credit_application'
$$;

-- One change of the LMS, as marks in the companies that it concerns. What failed because of the record is retried
-- (rule 8.3).
create or replace function qbo_sync.dispatch_change(change qbo_sync.lms_change) returns void language plpgsql as $$
begin
    update qbo_sync.sync_error set retry_at = clock_timestamp()
     where status = 'open' and causes @> array['lms.' || change.entity || ':' || change.lms_id];
    if change.lms_id is null then
        perform qbo_sync.mark_after_truncate(change.entity);
    elsif change.entity in ('invoice', 'credit', 'payment') then
        -- What has moved to another lab of the company changed for both: the mark is that lab's. A credit's applications
        -- are a record of their own in QuickBooks. What has moved to a lab of another company, or of none, and was never
        -- sent, is that lab's here as well: this company never gets it.
        perform qbo_sync.mark(n.realm_id, 'lms_to_qbo', e.entity, change.lms_id::text,
                              qbo_sync.lab_now(n.realm_id, 'lms_to_qbo', e.entity, change.lms_id::text, n.billing_lab_id))
           from qbo_sync.connection n
          cross join (values (change.entity), ('credit_application')) e (entity)
          where n.billing_lab_id = change.billing_lab_id
            and (e.entity = change.entity or change.entity = 'credit')
            and not exists (select 1 from qbo_sync.connection o
                             where o.realm_id = n.realm_id and o.billing_lab_id <> n.billing_lab_id
                               and o.billing_lab_id = qbo_sync.lab_of(change.entity, change.lms_id));
        -- QuickBooks' version of it was left alone, for it was too old: it may have another date by now. Or it has moved:
        -- what waits on its way from QuickBooks goes by the settings of its new lab.
        perform qbo_sync.mark(l.realm_id, 'qbo_to_lms', l.entity, l.qbo_id, n.billing_lab_id)
           from qbo_sync.connection n
           join qbo_sync.entity_link l on l.realm_id = n.realm_id and l.entity = change.entity
                                      and l.lms_id = change.lms_id
          where n.billing_lab_id = qbo_sync.lab_of(change.entity, change.lms_id)
            and l.entity in ('invoice', 'payment')
            and (l.sync_token is null
                 or exists (select 1 from qbo_sync.change_mark m
                             where m.realm_id = l.realm_id and m.direction = 'qbo_to_lms' and m.entity = l.entity
                               and m.record_id = l.qbo_id and m.billing_lab_id is distinct from n.billing_lab_id));
        if change.entity = 'invoice' then
            -- It names another account or pair than was agreed on, or did: whether QuickBooks says the same, the other
            -- direction compares.
            perform qbo_sync.mark(l.realm_id, 'qbo_to_lms', 'invoice', l.qbo_id, i.billing_lab_id)
               from lms.invoice i join qbo_sync.entity_link l on l.entity = 'invoice' and l.lms_id = i.id
              where i.id = change.lms_id
                and (l.base -> 'owner' <> jsonb_build_array(i.billing_account_id::text, i.doctor_office_id::text)
                     or exists (select 1 from qbo_sync.sync_error e
                                 where e.realm_id = l.realm_id and e.direction = 'qbo_to_lms' and e.status = 'open'
                                   and e.record_entity = 'invoice' and e.record_id = l.qbo_id
                                   and e.error_code = 'customer_changed'));
        end if;
        -- a record that has left its lab: marked in whichever company has the link
        perform qbo_sync.mark(l.realm_id, 'lms_to_qbo', l.entity, l.lms_id::text, change.billing_lab_id)
           from qbo_sync.entity_link l
          where l.entity = change.entity and l.lms_id = change.lms_id
            and not exists (select 1 from qbo_sync.connection n
                             where n.billing_lab_id = change.billing_lab_id and n.realm_id = l.realm_id);
    elsif change.entity = 'invoice_balance' then
        perform qbo_sync.mark(l.realm_id, 'qbo_to_lms', 'invoice', l.qbo_id, i.billing_lab_id)
           from lms.invoice i
           join qbo_sync.entity_link l on l.entity = 'invoice' and l.lms_id = i.id
          where i.id = change.lms_id  -- also while its lab is disconnected: due if it comes back to this company
            -- What was seen deleted has no balance to compare. Its mark may be held, or released.
            and not exists (select 1 from qbo_sync.qbo_seen s
                             where s.realm_id = l.realm_id and s.resource = 'Invoice' and s.qbo_id = l.qbo_id
                               and s.sync_token is null);
    elsif change.entity = 'product' then
        perform qbo_sync.mark(c.realm_id, 'lms_to_qbo', 'product', change.lms_id::text, null)
           from qbo_sync.company c
          where qbo_sync.is_tracked(c.realm_id, 'product', change.lms_id::text);
    elsif change.entity = 'billing_account' then
        perform qbo_sync.mark(c.realm_id, 'lms_to_qbo', 'billing_account', change.lms_id::text, null)
           from qbo_sync.company c
          where qbo_sync.is_tracked(c.realm_id, 'billing_account', change.lms_id::text);
        -- combined to detailed: its pairs get sub-customers
        perform qbo_sync.mark(c.realm_id, 'lms_to_qbo', 'doctor_office', o.id::text, null)
           from qbo_sync.company c, lms.doctor_office o
          where o.billing_account_id = change.lms_id
            and qbo_sync.is_tracked(c.realm_id, 'billing_account', change.lms_id::text);
        -- and what waits for one of its customers, or is in flight, may now need another
        perform qbo_sync.mark(m.realm_id, m.direction, m.entity, m.record_id, m.billing_lab_id)
           from qbo_sync.transaction_mark m where m.billing_account_id = change.lms_id;
    elsif change.entity = 'doctor_office' then
        perform qbo_sync.mark(c.realm_id, 'lms_to_qbo', 'doctor_office', change.lms_id::text, null)
           from qbo_sync.company c
          where qbo_sync.is_tracked(c.realm_id, 'doctor_office', change.lms_id::text)
             or exists (select 1 from lms.doctor_office o
                         where o.id = change.lms_id
                           and qbo_sync.is_tracked(c.realm_id, 'billing_account', o.billing_account_id::text));
        perform qbo_sync.mark(m.realm_id, m.direction, m.entity, m.record_id, m.billing_lab_id)
           from qbo_sync.transaction_mark m where m.doctor_office_id = change.lms_id;
    elsif change.entity = 'connection' then
        -- Connected, or settings changed: everything of the lab that is not synced yet, every open error, and what was
        -- deleted in the LMS while the old settings (its start date, for one) kept the deletion from being synced.
        perform qbo_sync.mark(n.realm_id, 'lms_to_qbo', 'invoice', i.id::text, n.billing_lab_id)
           from qbo_sync.connection n
           join lms.invoice i on i.billing_lab_id = n.billing_lab_id
          where n.billing_lab_id = change.billing_lab_id
            and not exists (select 1 from qbo_sync.entity_link l
                             where l.realm_id = n.realm_id and l.entity = 'invoice' and l.lms_id = i.id);
        -- What the LMS changed of synced invoices while the old settings left them alone.
        perform qbo_sync.mark(n.realm_id, d.direction, 'invoice',
                              case d.direction when 'lms_to_qbo' then i.id::text else l.qbo_id end, n.billing_lab_id)
           from qbo_sync.connection n
           join lms.invoice i on i.billing_lab_id = n.billing_lab_id
           join qbo_sync.entity_link l on l.realm_id = n.realm_id and l.entity = 'invoice' and l.lms_id = i.id
          cross join (values ('lms_to_qbo'), ('qbo_to_lms')) d (direction)
          where n.billing_lab_id = change.billing_lab_id
            and (l.base -> 'owner' <> jsonb_build_array(i.billing_account_id::text, i.doctor_office_id::text)
                 or (l.base ->> 'total')::numeric <> i.total_amount);
        -- What QuickBooks changed of synced ones while the old settings left it alone: their link knows no version of it.
        perform qbo_sync.mark(n.realm_id, 'qbo_to_lms', l.entity, l.qbo_id, n.billing_lab_id)
           from qbo_sync.connection n
           join qbo_sync.entity_link l on l.realm_id = n.realm_id and l.entity in ('invoice', 'payment')
                                      and l.sync_token is null
           left join lms.invoice i on l.entity = 'invoice' and i.id = l.lms_id
           left join lms.payment p on l.entity = 'payment' and p.id = l.lms_id
          where n.billing_lab_id = change.billing_lab_id
            and coalesce(i.billing_lab_id, p.billing_lab_id) = n.billing_lab_id
            and (n.sync_start_date is null or coalesce(i.invoice_date, p.payment_date) >= n.sync_start_date);
        perform qbo_sync.mark(n.realm_id, 'lms_to_qbo', t.entity, t.id::text, n.billing_lab_id)
           from qbo_sync.connection n
           join (select 'payment' as entity, id, billing_lab_id from lms.payment
                 union all
                 select entity, c.id, c.billing_lab_id
                   from lms.credit c cross join (values ('credit'), ('credit_application')) e (entity)) t
             on t.billing_lab_id = n.billing_lab_id
          where n.billing_lab_id = change.billing_lab_id;
        perform qbo_sync.mark_failed(e)
           from qbo_sync.sync_error e
           join qbo_sync.connection n on n.realm_id = e.realm_id
          where n.billing_lab_id = change.billing_lab_id and e.status = 'open';
        perform qbo_sync.mark_deleted(change.lms_id);
    end if;
end
$$;

-- The customers and items that marked records need and that are not linked yet: nothing early (rules 2 and 3). Without
-- those that have an open or ignored error: they are marked when they change.
create or replace function qbo_sync.dependencies(p_marks qbo_sync.change_mark[])
returns table (realm_id text, entity text, record_id text, billing_lab_id bigint) language sql stable as $$
    with dependent as (
        select * from unnest(p_marks)
    ), new_invoice as (
        select d.realm_id, i.*
          from dependent d
          join lms.invoice i on d.entity = 'invoice' and i.id = d.record_id::bigint
          left join qbo_sync.connection n on n.billing_lab_id = d.billing_lab_id
         where i.origin = 'lms' and (n.sync_start_date is null or i.invoice_date >= n.sync_start_date)
           and not exists (select 1 from qbo_sync.held_invoice h
                            where h.realm_id = d.realm_id and h.invoice_id = i.id)
           and not exists (select 1 from qbo_sync.entity_link l
                            where l.realm_id = d.realm_id and l.entity = 'invoice' and l.lms_id = i.id)
           and not exists (select 1 from qbo_sync.left_alone a
                            where a.realm_id = d.realm_id and a.entity = 'invoice' and a.lms_id = i.id)
    ), needed (realm_id, entity, record_id, billing_lab_id) as (
        select realm_id, 'billing_account', billing_account_id::text, billing_lab_id from new_invoice
        union
        select i.realm_id, 'billing_account', o.billing_account_id::text, i.billing_lab_id
          from new_invoice i
          join lms.billing_account a on a.id = i.billing_account_id and a.accounting_structure = 'detailed'
          join lms.doctor_office o on o.id = i.doctor_office_id
        union
        -- the whole practice, not only the pair that ordered first
        select i.realm_id, 'doctor_office', o.id::text, i.billing_lab_id
          from (select distinct realm_id, billing_account_id, billing_lab_id from new_invoice) i
          join lms.billing_account a on a.id = i.billing_account_id and a.accounting_structure = 'detailed'
          join lms.doctor_office o on o.billing_account_id = a.id
        union
        -- and the invoice's own pair, which may stand under another account by now
        select i.realm_id, 'doctor_office', i.doctor_office_id::text, i.billing_lab_id
          from new_invoice i
          join lms.billing_account a on a.id = i.billing_account_id and a.accounting_structure = 'detailed'
         where i.doctor_office_id is not null
        union
        select i.realm_id, 'product', l.product_id::text, i.billing_lab_id
          from new_invoice i join lms.invoice_line_item l on l.invoice_id = i.id
         where l.product_id is not null
        union
        select realm_id, 'special_item', 'Tax', billing_lab_id from new_invoice where tax_amount <> 0
        union
        select d.realm_id, 'special_item', 'Lab Credit', d.billing_lab_id
          from dependent d join lms.credit c on d.entity = 'credit' and c.id = d.record_id::bigint
        union
        -- a pair that moves needs the customer of its new account
        select d.realm_id, 'billing_account', o.billing_account_id::text, d.billing_lab_id
          from dependent d
          join lms.doctor_office o on d.entity = 'doctor_office' and o.id = d.record_id::bigint
          join qbo_sync.entity_link l on l.realm_id = d.realm_id and l.entity = 'doctor_office' and l.lms_id = o.id
    )
    select distinct on (realm_id, entity, record_id) realm_id, entity, record_id, billing_lab_id
      from needed n
     where not exists (select 1 from qbo_sync.linked_record l where l.realm_id = n.realm_id
                          and l.entity = n.entity and l.record_id = n.record_id)
       and not exists (select 1 from qbo_sync.sync_error e where e.realm_id = n.realm_id
                          and e.record_entity = n.entity and e.record_id = n.record_id
                          and e.direction = 'lms_to_qbo' and e.status in ('open', 'ignored'))
     order by realm_id, entity, record_id, billing_lab_id
$$;

-- A customer or item gets its first mark here, because a due invoice (or a move, or a credit) needs it; until then
-- dispatch_change skips it (is_tracked). Looked up once per generation of a mark.
create or replace function qbo_sync.mark_dependencies() returns void language sql as $$
    with dependent as (
        update qbo_sync.change_mark m set dependencies_generation = m.generation
          from (select * from qbo_sync.due_mark
                 where direction = 'lms_to_qbo' and entity in ('invoice', 'credit', 'doctor_office')
                   and dependencies_generation is distinct from generation) d
         where d.realm_id = m.realm_id and d.direction = m.direction and d.entity = m.entity
           and d.record_id = m.record_id
        returning m as mark
    )
    insert into qbo_sync.change_mark (realm_id, direction, entity, record_id, billing_lab_id)
    select n.realm_id, 'lms_to_qbo', n.entity, n.record_id, n.billing_lab_id
      from (select array_agg(mark) as marks from dependent) d
     cross join lateral qbo_sync.dependencies(d.marks) n
    on conflict do nothing
$$;

-- Whether a dispatcher would find anything. Asked without waiting for any lock.
create or replace function qbo_sync.dispatch_needed() returns boolean language sql as $$
    select exists (select 1 from qbo_sync.lms_change)
        or exists (select 1 from qbo_sync.error_to_retry)
        or exists (select 1 from qbo_sync.answered_duplicate)
        or exists (select 1 from qbo_sync.due_mark
                    where direction = 'lms_to_qbo' and entity in ('invoice', 'credit', 'doctor_office')
                      and dependencies_generation is distinct from generation)
$$;

-- Every commit that links a record wakes all event triggers, and each of them dispatches: so with nothing to do, this
-- neither takes the lock nor reads every due invoice. With something to do it runs one at a time, by the lock, so that
-- two dispatchers cannot take each other's rows. Returns how many changes and retries it dispatched.
create or replace function qbo_sync.dispatch_lms_changes() returns integer language plpgsql as $$
declare
    change qbo_sync.lms_change;
    dispatched integer := 0;
begin
    if not qbo_sync.dispatch_needed() then
        return 0;
    end if;
    perform qbo_sync.lock_marks(true);
    for change in
        with taken as (delete from qbo_sync.lms_change returning *)
        select distinct on (entity, lms_id, billing_lab_id) * from taken
    loop
        perform qbo_sync.dispatch_change(change);
        dispatched := dispatched + 1;
    end loop;
    if dispatched > 1000 then
        -- Or what reads the marks from here on is planned for the few there were: minutes for 20,000 records.
        analyze qbo_sync.change_mark;
    end if;
    with retried as (
        update qbo_sync.sync_error e set retry_at = null
         where e.id in (select id from qbo_sync.error_to_retry)
        returning e as error
    )
    select dispatched + count(*) into dispatched
      from (select qbo_sync.mark_failed(error) from retried) marked;
    perform qbo_sync.mark(realm_id, direction, entity, record_id, null) from qbo_sync.answered_duplicate;
    perform qbo_sync.mark_dependencies();
    return dispatched;
end
$$;
