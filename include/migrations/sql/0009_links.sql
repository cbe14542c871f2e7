-- Links that begin or end make others be looked at.

-- A payment or credit goes out without what it settles of invoices that do not flow: perhaps another lab's, whose settings
-- move one day. As soon as such an invoice is linked, those that have not been agreed on with it are looked at again.
-- They go through the raw feed, so that no transaction marks in an order of its own. Those that wait for the invoice
-- already need nothing.
create function qbo_sync.feed_applied() returns trigger language plpgsql as $$
begin
    insert into qbo_sync.lms_change (entity, lms_id, billing_lab_id)
    select a.entity, a.lms_id, a.billing_lab_id
      from (select 'payment' as entity, 'payment' as linked_as, p.id as lms_id, p.billing_lab_id
              from lms.payment_application x join lms.payment p on p.id = x.payment_id
             where x.invoice_id = new.lms_id
             union all
            select 'credit', 'credit_application', c.id, c.billing_lab_id
              from lms.credit_application x join lms.credit c on c.id = x.credit_id
             where x.invoice_id = new.lms_id) a
     where not exists (select 1 from qbo_sync.linked_record l
                        where l.realm_id = new.realm_id and l.entity = a.linked_as and l.record_id = a.lms_id::text
                          and l.base -> 'applications'
                              @> jsonb_build_array(jsonb_build_object('invoice',
                                                                      jsonb_build_array('invoice', new.lms_id::text))))
       and not exists (select 1 from qbo_sync.change_mark m
                        where m.realm_id = new.realm_id and m.direction = 'lms_to_qbo' and m.entity = a.linked_as
                          and m.record_id = a.lms_id::text and m.extracted_at is null
                          and m.waits_for_entity = 'invoice' and m.waits_for_id = new.lms_id::text);
    return null;
end
$$;
create trigger feed_applied after insert on qbo_sync.entity_link for each row
    when (new.entity = 'invoice') execute function qbo_sync.feed_applied();

-- Links of customers and items whose record has left the LMS, or whose customer QuickBooks tells to be gone (merged into
-- another): as good as none. The sync takes them away when it comes upon them; until then they stand in nobody's way.
create view qbo_sync.gone_link as
    select l.realm_id, l.entity, l.lms_id, l.qbo_id
      from qbo_sync.entity_link l
     where case l.entity
           when 'billing_account' then not exists (select 1 from lms.billing_account a where a.id = l.lms_id)
           when 'doctor_office' then not exists (select 1 from lms.doctor_office o where o.id = l.lms_id)
           when 'product' then not exists (select 1 from lms.product p where p.id = l.lms_id)
           else false end
        or l.entity in ('billing_account', 'doctor_office')
           and exists (select 1 from qbo_sync.qbo_seen s
                        where s.realm_id = l.realm_id and s.resource = 'Customer' and s.qbo_id = l.qbo_id
                          and s.sync_token is null);

delete from qbo_sync.entity_link l using qbo_sync.gone_link g
 where (g.realm_id, g.entity, g.lms_id) = (l.realm_id, l.entity, l.lms_id);

-- As before (0007), but such a link does not count: its customer's transactions would fail again, and be
-- tried again, for ever.
create or replace view qbo_sync.error_to_retry as
    select e.id
      from qbo_sync.sync_error e
     where e.status = 'open'
       and (e.retry_at <= clock_timestamp()
            or e.error_code = 'customer_not_linked'
               and exists (select 1 from qbo_sync.entity_link l
                            where l.realm_id = e.realm_id and l.entity in ('billing_account', 'doctor_office')
                              and l.qbo_id = e.detail ->> 'customer_id'
                              and not exists (select 1 from qbo_sync.gone_link g
                                               where (g.realm_id, g.entity, g.lms_id)
                                                     = (l.realm_id, l.entity, l.lms_id)))
               and not exists (select 1 from qbo_sync.change_mark m
                                where m.realm_id = e.realm_id and m.direction = e.direction
                                  and m.entity = e.record_entity and m.record_id = e.record_id));
