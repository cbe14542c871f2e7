-- Links: which LMS record is which QuickBooks record, and what a new link sets in motion.

create or replace view qbo_sync.linked_record as
    select realm_id, entity, lms_id::text as record_id, qbo_id, base, sync_token, version from qbo_sync.entity_link
    union all
    select realm_id, 'special_item', name, qbo_id, '{}'::jsonb, null, 1 from qbo_sync.special_item
    union all
    select realm_id, 'credit_application', credit_id::text, qbo_id, base, sync_token, version
      from qbo_sync.credit_application_link;

-- Links of customers and items whose record was deleted in the LMS, or whose customer is deleted in QuickBooks (merged
-- into another). They count as no link. The sync deletes them when it finds them; until then they block nothing.
create or replace view qbo_sync.orphaned_link as
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

-- A record that waits for another may be due now that the other one is linked.
create or replace function qbo_sync.notify_of_link() returns trigger language plpgsql as $$
begin
    perform pg_notify('qbo_sync', '');
    return null;
end
$$;
create or replace trigger notify_of_link after insert on qbo_sync.entity_link
    for each statement execute function qbo_sync.notify_of_link();
create or replace trigger notify_of_link after insert on qbo_sync.special_item
    for each statement execute function qbo_sync.notify_of_link();

-- A customer that somebody links with a plain row: what the LMS says about it now counts as agreed, so that a later
-- move of the pair to another account is noticed.
create or replace function qbo_sync.fill_base_of_manual_link() returns trigger language plpgsql as $$
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
create or replace trigger fill_base_of_manual_link before insert on qbo_sync.entity_link for each row
    when (new.base = '{}' and new.entity in ('billing_account', 'doctor_office'))
    execute function qbo_sync.fill_base_of_manual_link();

-- A payment or credit is sent without the part that it applies to invoices that are not synced: another lab's, perhaps,
-- whose settings change one day. As soon as such an invoice is linked, the payments and credits whose applications to
-- it are not agreed yet are queued. They go through the raw feed, because a transaction that marked them here would
-- take locks in an order of its own. Those that already wait for the invoice need nothing.
create or replace function qbo_sync.queue_applied_transactions() returns trigger language plpgsql as $$
begin
    if current_setting('qbo_sync.origin', true) = 'dry_run' then
        return null;  -- a preview's link is never committed
    end if;
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
create or replace trigger queue_applied_transactions after insert on qbo_sync.entity_link for each row
    when (new.entity = 'invoice') execute function qbo_sync.queue_applied_transactions();
