-- The same check entered on both sides (rule 9). A person answers with a row in entity_link, or by ignoring the error.

-- QuickBooks' payments that wait for an answer which has come, or which nobody is asked for any more. As long as the
-- LMS's payment has an error, whichever, or is still to be planned, they wait.
create or replace view qbo_sync.answered_duplicate as
    select m.*
      from qbo_sync.change_mark m
     where m.direction = 'qbo_to_lms' and m.entity = 'payment'
       and m.waits_for_entity = 'payment' and m.waits_for_id = m.record_id
       and not exists (
           select 1 from qbo_sync.possible_duplicate d
             join lms.payment p on p.id = d.lms_id
             join qbo_sync.connection n on n.billing_lab_id = p.billing_lab_id and n.realm_id = d.realm_id
                                       and n.direction in ('lms_to_qbo', 'both') and n.sync_payments
            where d.realm_id = m.realm_id and d.qbo_id = m.record_id and d.kept_both_at is null
              and not exists (select 1 from qbo_sync.left_alone a
                               where a.realm_id = d.realm_id and a.entity = 'payment' and a.lms_id = d.lms_id)
              and (exists (select 1 from qbo_sync.sync_error e
                            where e.realm_id = d.realm_id and e.direction = 'lms_to_qbo' and e.status = 'open'
                              and e.record_entity = 'payment' and e.record_id = d.lms_id::text)
                   or exists (select 1 from qbo_sync.change_mark t
                               where t.realm_id = d.realm_id and t.direction = 'lms_to_qbo' and t.entity = 'payment'
                                 and t.record_id = d.lms_id::text)
                   or exists (select 1 from qbo_sync.lms_change c
                               where c.entity = 'payment' and c.lms_id = d.lms_id)));

-- Keep both: the error is ignored, and each payment goes its way. The LMS's goes through the raw feed, because a
-- transaction that marked it here would take locks in an order of its own; QuickBooks' is found by the view.
create or replace function qbo_sync.keep_both_payments() returns trigger language plpgsql as $$
begin
    insert into qbo_sync.possible_duplicate as d (realm_id, lms_id, qbo_id, detail, kept_both_at)
    values (new.realm_id, new.lms_id, new.detail ->> 'qbo_payment_id', '{}', clock_timestamp())
    on conflict (realm_id, lms_id, qbo_id) do update set kept_both_at = excluded.kept_both_at;
    insert into qbo_sync.lms_change (entity, lms_id, billing_lab_id)
    select 'payment', id, billing_lab_id from lms.payment where id = new.lms_id;
    perform pg_notify('qbo_sync', '');
    return null;
end
$$;
create or replace trigger keep_both_payments after update of status on qbo_sync.sync_error for each row
    when (old.status = 'open' and new.status = 'ignored' and new.error_code = 'possible_duplicate'
          and new.lms_id is not null and new.detail ? 'qbo_payment_id')
    execute function qbo_sync.keep_both_payments();

-- Link: a row by hand joins the two. Where the link of QuickBooks' payment gets another payment of the LMS, nothing is
-- agreed on yet, …
create or replace function qbo_sync.forget_base_of_relinked() returns trigger language plpgsql as $$
begin
    new.base := '{}';
    new.sync_token := null;
    new.version := old.version + 1;
    return new;
end
$$;
create or replace trigger forget_base_of_relinked before update of lms_id on qbo_sync.entity_link for each row
    when (new.entity = 'payment' and new.lms_id <> old.lms_id) execute function qbo_sync.forget_base_of_relinked();

-- … and the copy that had come from QuickBooks makes room for the payment that was entered in the LMS. With the owner's
-- rights: whoever may link them needs none to write the LMS.
create or replace function qbo_sync.payment_linked_by_hand() returns trigger
language plpgsql security definer set search_path = qbo_sync, pg_temp as $$
declare
    before text := coalesce(current_setting('qbo_sync.origin', true), '');
    announced text := coalesce(current_setting('qbo_sync.audit_entry', true), '');
    entry bigint;
begin
    if tg_op = 'UPDATE' and exists (select 1 from lms.payment where id = old.lms_id and origin = 'qbo') then
        insert into qbo_sync.audit_entry (side, realm_id, billing_lab_id, entity, lms_id, qbo_id, customer, amount,
                                          operation, before)
        select 'lms', old.realm_id, p.billing_lab_id, 'payment', p.id, old.qbo_id,
               qbo_sync.customer_name('billing_account', p.billing_account_id::text), p.amount, 'delete',
               nullif(old.base, '{}')
          from lms.payment p where p.id = old.lms_id
        returning id into entry;
        perform set_config('qbo_sync.origin', 'pipeline', true), set_config('qbo_sync.audit_entry', entry::text, true);
        -- in the order in which the pipeline locks them
        perform 1 from lms.invoice where id in (select invoice_id from lms.payment_application
                                                 where payment_id = old.lms_id) order by id for update;
        update lms.invoice i set balance = i.balance + a.amount
          from lms.payment_application a where a.payment_id = old.lms_id and i.id = a.invoice_id;
        delete from lms.payment where id = old.lms_id;
        perform set_config('qbo_sync.origin', before, true), set_config('qbo_sync.audit_entry', announced, true);
    end if;
    delete from qbo_sync.possible_duplicate
     where realm_id = new.realm_id and (lms_id = new.lms_id or qbo_id = new.qbo_id);
    update qbo_sync.sync_error set status = 'resolved', resolved_at = clock_timestamp(), retry_at = null
     where realm_id = new.realm_id and direction = 'lms_to_qbo' and record_entity = 'payment'
       and record_id = new.lms_id::text and status = 'open' and error_code = 'possible_duplicate';
    -- Others that may be the same money as this one: it is taken now.
    update qbo_sync.sync_error set retry_at = clock_timestamp()
     where realm_id = new.realm_id and status = 'open' and error_code = 'possible_duplicate'
       and detail ->> 'qbo_payment_id' = new.qbo_id;
    insert into qbo_sync.lms_change (entity, lms_id, billing_lab_id)
    select 'payment', id, billing_lab_id from lms.payment where id = new.lms_id;
    perform pg_notify('qbo_sync', '');
    return null;
end
$$;
create or replace trigger payment_linked_by_hand after insert or update of lms_id on qbo_sync.entity_link for each row
    when (new.entity = 'payment' and new.base = '{}') execute function qbo_sync.payment_linked_by_hand();

-- For whoever links it: the payment stays as it is until the transaction ends. False: it is gone.
create or replace function qbo_sync.lock_payment(p_payment_id bigint) returns boolean
language plpgsql security definer set search_path = qbo_sync, pg_temp as $$
begin
    perform 1 from lms.payment where id = p_payment_id for update;
    return found;
end
$$;
