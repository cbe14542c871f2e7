-- Every commit that links a record wakes all event triggers, and each of them dispatches. A dispatcher is alone among
-- those who settle records (0002), so it must not take that lock, nor look at every due invoice, to find nothing.

-- The generation of the mark for which the customers and items that it needs were marked. Whatever changes them (the
-- account's structure, a moved pair, settings) marks the transaction anew.
alter table qbo_sync.change_mark add column needs_seen bigint;
-- Mostly empty, so that every commit's question costs the same however many marks there are.
create index on qbo_sync.change_mark (realm_id)
    where direction = 'lms_to_qbo' and entity in ('invoice', 'credit', 'doctor_office')
      and needs_seen is distinct from generation;

-- As before (0004), with the new column.
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

-- As before (0002), for those due marks only whose needs nobody has seen to yet. A record with an open or ignored error
-- is seen to: it is marked again when it changes.
create or replace function qbo_sync.mark_needed() returns void language sql as $$
    with seen as (
        update qbo_sync.change_mark m set needs_seen = m.generation
          from (select * from qbo_sync.due_mark
                 where direction = 'lms_to_qbo' and entity in ('invoice', 'credit', 'doctor_office')
                   and needs_seen is distinct from generation) d
         where d.realm_id = m.realm_id and d.direction = m.direction and d.entity = m.entity
           and d.record_id = m.record_id
        returning m.realm_id, m.entity, m.record_id, m.billing_lab_id
    ), due as (
        select s.realm_id, i.*
          from seen s
          join lms.invoice i on s.entity = 'invoice' and i.id = s.record_id::bigint
          left join qbo_sync.connection n on n.billing_lab_id = s.billing_lab_id
         where i.origin = 'lms' and (n.sync_start_date is null or i.invoice_date >= n.sync_start_date)
           and not exists (select 1 from qbo_sync.entity_link l
                            where l.realm_id = s.realm_id and l.entity = 'invoice' and l.lms_id = i.id)
    ), needed (realm_id, entity, record_id, billing_lab_id) as (
        select realm_id, 'billing_account', billing_account_id::text, billing_lab_id from due
        union
        select d.realm_id, 'billing_account', o.billing_account_id::text, d.billing_lab_id
          from due d
          join lms.billing_account a on a.id = d.billing_account_id and a.accounting_structure = 'detailed'
          join lms.doctor_office o on o.id = d.doctor_office_id
        union
        select d.realm_id, 'doctor_office', d.doctor_office_id::text, d.billing_lab_id
          from due d
          join lms.billing_account a on a.id = d.billing_account_id and a.accounting_structure = 'detailed'
         where d.doctor_office_id is not null
        union
        select d.realm_id, 'product', l.product_id::text, d.billing_lab_id
          from due d join lms.invoice_line_item l on l.invoice_id = d.id
         where l.product_id is not null
        union
        select realm_id, 'special_item', 'Tax', billing_lab_id from due where tax_amount <> 0
        union
        select s.realm_id, 'special_item', 'Lab Credit', s.billing_lab_id
          from seen s join lms.credit c on s.entity = 'credit' and c.id = s.record_id::bigint
        union
        -- a pair that moves needs the customer of its new account
        select s.realm_id, 'billing_account', o.billing_account_id::text, s.billing_lab_id
          from seen s
          join lms.doctor_office o on s.entity = 'doctor_office' and o.id = s.record_id::bigint
          join qbo_sync.entity_link l on l.realm_id = s.realm_id and l.entity = 'doctor_office' and l.lms_id = o.id
    )
    insert into qbo_sync.change_mark (realm_id, direction, entity, record_id, billing_lab_id)
    select distinct on (realm_id, entity, record_id) realm_id, 'lms_to_qbo', entity, record_id, billing_lab_id
      from needed d
     where not exists (select 1 from qbo_sync.linked_record l where l.realm_id = d.realm_id
                          and l.entity = d.entity and l.record_id = d.record_id)
       and not exists (select 1 from qbo_sync.sync_error e where e.realm_id = d.realm_id
                          and e.record_entity = d.entity and e.record_id = d.record_id
                          and e.direction = 'lms_to_qbo' and e.status in ('open', 'ignored'))
     order by realm_id, entity, record_id, billing_lab_id
    on conflict do nothing
$$;

-- Errors that are tried again now: their time has come, or their customer was linked at the very moment when they
-- failed for want of that link.
create view qbo_sync.error_to_retry as
    select e.id
      from qbo_sync.sync_error e
     where e.status = 'open'
       and (e.retry_at <= clock_timestamp()
            or e.error_code = 'customer_not_linked'
               and exists (select 1 from qbo_sync.entity_link l
                            where l.realm_id = e.realm_id and l.entity in ('billing_account', 'doctor_office')
                              and l.qbo_id = e.detail ->> 'customer_id')
               and not exists (select 1 from qbo_sync.change_mark m
                                where m.realm_id = e.realm_id and m.direction = e.direction
                                  and m.entity = e.record_entity and m.record_id = e.record_id));

-- Whether a dispatcher would find anything. Who asks waits for nobody.
create function qbo_sync.is_to_dispatch() returns boolean language sql as $$
    select exists (select 1 from qbo_sync.lms_change)
        or exists (select 1 from qbo_sync.error_to_retry)
        or exists (select 1 from qbo_sync.due_mark
                    where direction = 'lms_to_qbo' and entity in ('invoice', 'credit', 'doctor_office')
                      and needs_seen is distinct from generation)
$$;

create or replace function qbo_sync.dispatch_lms_changes() returns integer language plpgsql as $$
declare
    change qbo_sync.lms_change;
    taken integer := 0;
begin
    if not qbo_sync.is_to_dispatch() then
        return 0;
    end if;
    perform qbo_sync.lock_marks(true);
    for change in delete from qbo_sync.lms_change returning * loop
        perform qbo_sync.take_change(change);
        taken := taken + 1;
    end loop;
    with retried as (
        update qbo_sync.sync_error e set retry_at = null
         where e.id in (select id from qbo_sync.error_to_retry)
        returning realm_id, direction, record_entity, record_id, billing_lab_id
    )
    select taken + count(*) into taken
      from (select qbo_sync.mark(realm_id, direction, record_entity, record_id, billing_lab_id) from retried) marked;
    perform qbo_sync.mark_needed();
    return taken;
end
$$;

-- When a DAG's run last looked what is due. An event trigger that has called a run does not call another one before
-- that one has looked: it will see everything.
create table qbo_sync.dag_look (
    dag_id     text primary key,
    looked_at  timestamptz not null
);
