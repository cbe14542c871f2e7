-- Marks: which records have pending changes. What QuickBooks has and is not linked names no lab: it goes by the one that
-- receives such transactions when the mark is looked at (lets_flow), and that may be another by then.

create or replace function qbo_sync.mark(p_realm_id text, p_direction text, p_entity text, p_record_id text,
                                         p_billing_lab_id bigint) returns void language sql as $$
    insert into qbo_sync.change_mark as m (realm_id, direction, entity, record_id, billing_lab_id)
    select p_realm_id, p_direction, p_entity, p_record_id, p_billing_lab_id
     where p_record_id not like 'mass_delete%'  -- an error of that name (rule 8.9) is a question, not a record
    on conflict (realm_id, direction, entity, record_id) do update
       set generation = excluded.generation, marked_at = clock_timestamp(), extracted_at = null,
           attempt_after = null, waits_for_entity = null, waits_for_id = null, waits_since = null,
           released = false,  -- whatever has happened to it, nobody was asked about
           billing_lab_id = case
               when m.direction = 'qbo_to_lms' and excluded.billing_lab_id is null
                    and not exists (select 1 from qbo_sync.entity_link l
                                     where l.realm_id = m.realm_id and l.entity = m.entity and l.qbo_id = m.record_id)
               then null
               else coalesce(excluded.billing_lab_id, m.billing_lab_id) end
$$;

-- Whose a transaction of the LMS is; null: it is not there.
create or replace function qbo_sync.lab_of(p_entity text, p_lms_id bigint) returns bigint language sql stable as $$
    select case p_entity when 'invoice' then (select billing_lab_id from lms.invoice where id = p_lms_id)
                         when 'payment' then (select billing_lab_id from lms.payment where id = p_lms_id)
                         else (select billing_lab_id from lms.credit where id = p_lms_id) end
$$;

-- By whose settings a record is looked at again; `p_before`: by whose it was. A transaction that the LMS has goes by the
-- lab that it has now, unless that one is of another company, where what is linked here does not go. One that only
-- QuickBooks has names none.
create or replace function qbo_sync.lab_now(p_realm_id text, p_direction text, p_entity text, p_record_id text,
                                            p_before bigint) returns bigint language plpgsql stable as $$
declare
    ours bigint;
    lab bigint;
begin
    if p_entity not in ('invoice', 'payment', 'credit', 'credit_application') then
        return p_before;
    end if;
    if p_direction = 'lms_to_qbo' then
        ours := case when p_record_id ~ '^[0-9]{1,18}$' then p_record_id::bigint end;
    else
        select l.lms_id into ours
          from qbo_sync.entity_link l
         where l.realm_id = p_realm_id and l.entity = p_entity and l.qbo_id = p_record_id;
        if ours is null then
            return null;
        end if;
    end if;
    lab := coalesce(qbo_sync.lab_of(p_entity, ours), p_before);
    if lab is distinct from p_before
       and not exists (select 1 from qbo_sync.connection n where n.realm_id = p_realm_id and n.billing_lab_id = lab)
       and exists (select 1 from qbo_sync.linked_record l
                    where l.realm_id = p_realm_id and l.entity = p_entity and l.record_id = ours::text) then
        return p_before;
    end if;
    return lab;
end
$$;

-- Whoever changes more than one mark, link or error in a transaction takes this lock first, before any row. Dispatchers,
-- which take rows in any order, hold it alone, and so does every person; those that settle records share it, and take
-- their rows in one order (docs/decisions/0032-one-order-of-locks.md).
create or replace function qbo_sync.lock_marks(p_alone boolean) returns void language plpgsql as $$
begin
    if p_alone then
        perform pg_advisory_xact_lock(hashtextextended('qbo_sync.dispatch', 0));
    else
        perform pg_advisory_xact_lock_shared(hashtextextended('qbo_sync.dispatch', 0));
    end if;
    perform set_config('qbo_sync.marks_locked', 'yes', true);
end
$$;

-- The same for whoever writes with plain SQL: links, ignored customers and the answers to errors set other rows in motion.
-- A preview's link is never committed, and must stop nobody for as long as it is made.
create or replace function qbo_sync.lock_marks_by_hand() returns trigger language plpgsql as $$
begin
    if coalesce(current_setting('qbo_sync.marks_locked', true), '') = ''
       and coalesce(current_setting('qbo_sync.origin', true), '') <> 'dry_run' then
        perform qbo_sync.lock_marks(true);
    end if;
    return null;
end
$$;
create or replace trigger lock_marks_by_hand before insert or update or delete on qbo_sync.entity_link
    for each statement execute function qbo_sync.lock_marks_by_hand();
create or replace trigger lock_marks_by_hand before insert or update or delete on qbo_sync.ignored_customer
    for each statement execute function qbo_sync.lock_marks_by_hand();
create or replace trigger lock_marks_by_hand before update of status on qbo_sync.sync_error
    for each statement execute function qbo_sync.lock_marks_by_hand();

-- The marks of transactions, with the account and the pair that decide which customer each one belongs to.
create or replace view qbo_sync.transaction_mark as
    select t.billing_account_id, t.doctor_office_id, m.*
      from (select 'invoice' as entity, id, billing_account_id, doctor_office_id from lms.invoice
            union all
            select 'credit', id, billing_account_id, doctor_office_id from lms.credit
            union all
            select 'payment', id, billing_account_id, doctor_office_id from lms.payment) t
     cross join qbo_sync.company c
      join qbo_sync.change_mark m on m.realm_id = c.realm_id and m.direction = 'lms_to_qbo' and m.entity = t.entity
                                 and m.record_id = t.id::text;

-- Whether the sync has anything to do with this record in this company: it is linked, marked, or has an error.
create or replace function qbo_sync.is_tracked(p_realm_id text, p_entity text, p_record_id text) returns boolean
language sql stable as $$
    select exists (select 1 from qbo_sync.linked_record
                    where realm_id = p_realm_id and entity = p_entity and record_id = p_record_id)
        or exists (select 1 from qbo_sync.change_mark
                    where realm_id = p_realm_id and entity = p_entity and record_id = p_record_id)
        or exists (select 1 from qbo_sync.sync_error
                    where realm_id = p_realm_id and record_entity = p_entity and record_id = p_record_id
                      and status in ('open', 'ignored'))
$$;

-- Connected again: what failed runs had in flight is free for the next one.
create or replace function qbo_sync.release_marks() returns trigger language plpgsql as $$
begin
    perform qbo_sync.lock_marks(true);
    update qbo_sync.change_mark set extracted_at = null where realm_id = new.realm_id;
    perform pg_notify('qbo_sync', '');
    return null;
end
$$;
create or replace trigger release_marks after update of status on qbo_sync.company for each row
    when (new.status = 'connected' and old.status <> 'connected') execute function qbo_sync.release_marks();
