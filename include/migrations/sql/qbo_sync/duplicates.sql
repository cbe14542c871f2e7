-- The same check entered on both sides (rule 9): what a person chooses.

-- Somebody has answered.
create or replace function qbo_sync.resolve_possible_duplicate(p_realm_id text, p_lms_id bigint) returns void
language sql as $$
    update qbo_sync.sync_error set status = 'resolved', resolved_at = clock_timestamp(), retry_at = null
     where realm_id = p_realm_id and direction = 'lms_to_qbo' and record_entity = 'payment'
       and record_id = p_lms_id::text and status = 'open' and error_code = 'possible_duplicate'
$$;

-- It is the same money: one payment, and QuickBooks' version counts. A copy of QuickBooks' payment that had come to the
-- LMS already makes room for the one that was entered there. Raises where the two cannot be one.
create or replace function qbo_sync.link_payment(p_realm_id text, p_lms_id bigint, p_qbo_id text) returns void
language plpgsql as $$
declare
    payment lms.payment;
    copy lms.payment;
    before text := coalesce(current_setting('qbo_sync.origin', true), '');
begin
    perform qbo_sync.lock_marks(true);
    select * into payment from lms.payment where id = p_lms_id for update;
    if payment.id is null then
        raise exception 'The payment was deleted in Pilot.';
    end if;
    if exists (select 1 from qbo_sync.entity_link
                where realm_id = p_realm_id and entity = 'payment' and lms_id = p_lms_id) then
        raise exception 'The payment is already linked to a payment in QuickBooks.';
    end if;
    select p.* into copy
      from qbo_sync.entity_link l join lms.payment p on p.id = l.lms_id
     where l.realm_id = p_realm_id and l.entity = 'payment' and l.qbo_id = p_qbo_id for update of p;
    if copy.origin = 'lms' then
        raise exception 'The payment in QuickBooks is already linked to another payment that was entered in Pilot.';
    end if;
    perform set_config('qbo_sync.origin', 'pipeline', true);
    update lms.invoice i set balance = i.balance + a.amount
      from lms.payment_application a where a.payment_id = copy.id and i.id = a.invoice_id;
    delete from lms.payment where id = copy.id;
    perform set_config('qbo_sync.origin', before, true);
    delete from qbo_sync.entity_link where realm_id = p_realm_id and entity = 'payment' and qbo_id = p_qbo_id;
    insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id) values (p_realm_id, 'payment', p_lms_id, p_qbo_id);
    delete from qbo_sync.possible_duplicate where realm_id = p_realm_id and (lms_id = p_lms_id or qbo_id = p_qbo_id);
    perform qbo_sync.resolve_possible_duplicate(p_realm_id, p_lms_id);
    perform qbo_sync.mark(p_realm_id, 'qbo_to_lms', 'payment', p_qbo_id, payment.billing_lab_id);
    perform qbo_sync.mark(p_realm_id, 'lms_to_qbo', 'payment', p_lms_id::text, payment.billing_lab_id);
    perform pg_notify('qbo_sync', '');
end
$$;

-- The customer paid twice: each goes its way.
create or replace function qbo_sync.keep_both_payments(p_realm_id text, p_lms_id bigint, p_qbo_id text) returns void
language plpgsql as $$
declare
    lab bigint;
begin
    perform qbo_sync.lock_marks(true);
    select billing_lab_id into lab from lms.payment where id = p_lms_id;
    insert into qbo_sync.possible_duplicate as d (realm_id, lms_id, qbo_id, detail, kept_both_at)
    values (p_realm_id, p_lms_id, p_qbo_id, '{}', clock_timestamp())
    on conflict (realm_id, lms_id, qbo_id) do update set kept_both_at = excluded.kept_both_at;
    perform qbo_sync.resolve_possible_duplicate(p_realm_id, p_lms_id);
    perform qbo_sync.mark(p_realm_id, 'lms_to_qbo', 'payment', p_lms_id::text, lab);
    perform qbo_sync.mark(p_realm_id, 'qbo_to_lms', 'payment', p_qbo_id, null);
    perform pg_notify('qbo_sync', '');
end
$$;

-- The question is over, however that came: QuickBooks' payment, which waited for the answer, is looked at again.
create or replace function qbo_sync.wake_duplicate() returns trigger language plpgsql as $$
begin
    perform qbo_sync.mark(m.realm_id, m.direction, m.entity, m.record_id, m.billing_lab_id)
       from qbo_sync.change_mark m
      where m.realm_id = old.realm_id and m.direction = 'qbo_to_lms' and m.entity = 'payment'
        and m.record_id = old.detail ->> 'qbo_payment_id' and m.waits_for_id = m.record_id;
    return null;
end
$$;
create or replace trigger wake_duplicate after update on qbo_sync.sync_error for each row
    when (old.status = 'open' and old.error_code = 'possible_duplicate'
          and (new.status <> 'open' or new.error_code <> 'possible_duplicate'))
    execute function qbo_sync.wake_duplicate();
