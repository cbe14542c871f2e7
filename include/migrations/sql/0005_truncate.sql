-- A TRUNCATE names no rows. The tables that hang on a transaction are watched too: without its applications a payment
-- settles nothing any more.

-- Everything of the entity that is linked or marked is looked at again; a credit's applications go with the credit.
create function qbo_sync.mark_after_truncate(p_entity text) returns void language sql as $$
    select qbo_sync.mark(t.realm_id, 'lms_to_qbo', t.entity, t.record_id,
                         coalesce(i.billing_lab_id, c.billing_lab_id, p.billing_lab_id))
      from (select realm_id, entity, record_id from qbo_sync.linked_record
             union
            select realm_id, entity, record_id from qbo_sync.change_mark where direction = 'lms_to_qbo') t
      left join lms.invoice i on t.entity = 'invoice' and i.id::text = t.record_id
      left join lms.credit c on t.entity in ('credit', 'credit_application') and c.id::text = t.record_id
      left join lms.payment p on t.entity = 'payment' and p.id::text = t.record_id
     where t.entity = p_entity or p_entity = 'credit' and t.entity = 'credit_application'
$$;

-- What one change of the LMS means. A function of its own, so that more of it needs no new dispatcher.
create function qbo_sync.take_change(change qbo_sync.lms_change) returns void language plpgsql as $$
begin
    if change.lms_id is not null then
        perform qbo_sync.dispatch_change(change);
    else
        perform qbo_sync.mark_after_truncate(change.entity);
    end if;
end
$$;

create or replace function qbo_sync.dispatch_lms_changes() returns integer language plpgsql as $$
declare
    change qbo_sync.lms_change;
    taken integer := 0;
begin
    perform qbo_sync.lock_marks(true);
    for change in delete from qbo_sync.lms_change returning * loop
        perform qbo_sync.take_change(change);
        taken := taken + 1;
    end loop;
    with retried as (
        update qbo_sync.sync_error e set retry_at = null
         where status = 'open'
           and (retry_at <= clock_timestamp()
                -- its customer was linked at the very moment when it failed for want of that link
                or error_code = 'customer_not_linked'
                   and exists (select 1 from qbo_sync.entity_link l
                                where l.realm_id = e.realm_id and l.entity in ('billing_account', 'doctor_office')
                                  and l.qbo_id = e.detail ->> 'customer_id')
                   and not exists (select 1 from qbo_sync.change_mark m
                                    where m.realm_id = e.realm_id and m.direction = e.direction
                                      and m.entity = e.record_entity and m.record_id = e.record_id))
        returning realm_id, direction, record_entity, record_id, billing_lab_id
    )
    select taken + count(*) into taken
      from (select qbo_sync.mark(realm_id, direction, record_entity, record_id, billing_lab_id) from retried) marked;
    perform qbo_sync.mark_needed();
    return taken;
end
$$;

create trigger record_truncate after truncate on lms.invoice_line_item for each statement
    execute function qbo_sync.record_lms_truncate('invoice');
create trigger record_truncate after truncate on lms.credit_application for each statement
    execute function qbo_sync.record_lms_truncate('credit');
create trigger record_truncate after truncate on lms.payment_application for each statement
    execute function qbo_sync.record_lms_truncate('payment');
