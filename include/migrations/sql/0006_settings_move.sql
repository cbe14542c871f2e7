-- Settings that move let go what they held back, deletions among it: a record that left the LMS while it was older than
-- the start date is looked at again when that date moves.

-- Linked transactions of the lab that are not in the LMS any more. Whose one was, its last outcome knows.
create function qbo_sync.mark_gone(p_billing_lab_id bigint) returns void language sql as $$
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

create or replace function qbo_sync.dispatch_lms_changes() returns integer language plpgsql as $$
declare
    change qbo_sync.lms_change;
    taken integer := 0;
begin
    perform qbo_sync.lock_marks(true);
    for change in delete from qbo_sync.lms_change returning * loop
        if change.lms_id is not null then
            perform qbo_sync.dispatch_change(change);
            if change.entity = 'connection' then
                perform qbo_sync.mark_gone(change.lms_id);
            end if;
        else
            perform qbo_sync.mark_after_truncate(change.entity);
        end if;
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
