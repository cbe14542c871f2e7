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

create or replace function qbo_sync.take_change(change qbo_sync.lms_change) returns void language plpgsql as $$
begin
    if change.lms_id is not null then
        perform qbo_sync.dispatch_change(change);
        if change.entity = 'connection' then
            perform qbo_sync.mark_gone(change.lms_id);
        end if;
    else
        perform qbo_sync.mark_after_truncate(change.entity);
    end if;
end
$$;
