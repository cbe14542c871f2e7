-- Sync errors: what the dashboard shows, which are retried, and customers whose errors are ignored.

create or replace view qbo_sync.action_item as
    select e.*, l.name as billing_lab_name
      from qbo_sync.sync_error e
      left join lms.billing_lab l on l.id = e.billing_lab_id
     where e.status = 'open'
     order by e.last_seen_at desc, e.id desc;

-- Errors to retry now: their time has come, or their customer was linked at the very moment when they failed for want
-- of that link. An orphaned link does not count: the customer's transactions would fail and be retried for ever.
create or replace view qbo_sync.error_to_retry as
    select e.id
      from qbo_sync.sync_error e
     where e.status = 'open'
       and (e.retry_at <= clock_timestamp()
            or e.error_code = 'customer_not_linked'
               and exists (select 1 from qbo_sync.entity_link l
                            where l.realm_id = e.realm_id and l.entity in ('billing_account', 'doctor_office')
                              and l.qbo_id = e.detail ->> 'customer_id'
                              and not exists (select 1 from qbo_sync.orphaned_link o
                                               where (o.realm_id, o.entity, o.lms_id)
                                                     = (l.realm_id, l.entity, l.lms_id)))
               and not exists (select 1 from qbo_sync.change_mark m
                                where m.realm_id = e.realm_id and m.direction = e.direction
                                  and m.entity = e.record_entity and m.record_id = e.record_id));

-- The record of an error is looked at again.
create or replace function qbo_sync.mark_failed(e qbo_sync.sync_error) returns void language sql as $$
    select qbo_sync.mark(e.realm_id, e.direction, e.record_entity, e.record_id,
                         qbo_sync.lab_now(e.realm_id, e.direction, e.record_entity, e.record_id, e.billing_lab_id))
$$;

-- The open errors that a missing link is the cause of. A customer gets linked: the transactions that failed for want of
-- that link. An invoice: the payments that were synced without the part applied to it.
create or replace function qbo_sync.errors_of_missing_link(p_realm_id text, p_entity text, p_qbo_id text)
returns setof qbo_sync.sync_error language sql stable as $$
    select * from qbo_sync.sync_error
     where realm_id = p_realm_id and status = 'open' and direction = 'qbo_to_lms'
       and case when p_entity in ('billing_account', 'doctor_office')
                then error_code in ('customer_not_linked', 'customer_changed') and detail ->> 'customer_id' = p_qbo_id
                when p_entity = 'invoice'
                then error_code = 'unsynced_application' and detail -> 'invoice_ids' ? p_qbo_id
                else false end
$$;

-- Whoever links it, the sync or a person: they are retried. Only `retry_at` is set here; the next dispatcher turns it
-- into marks, because a transaction that marked here would take locks in an order of its own.
create or replace function qbo_sync.retry_errors_of_missing_link() returns trigger language plpgsql as $$
begin
    if current_setting('qbo_sync.origin', true) = 'dry_run' then
        return null;  -- a preview's link is never committed, and must not hold an error's row for as long as it is made
    end if;
    update qbo_sync.sync_error set retry_at = clock_timestamp()
     where id in (select e.id from qbo_sync.sync_error e
                    join qbo_sync.errors_of_missing_link(new.realm_id, new.entity, new.qbo_id) f on f.id = e.id
                   order by e.id for update of e);
    return null;
end
$$;
create or replace trigger retry_errors_of_missing_link after insert or update of qbo_id on qbo_sync.entity_link
    for each row execute function qbo_sync.retry_errors_of_missing_link();

-- The company's settings in QuickBooks have changed (its closing date, for one): what failed because of them is retried.
-- What another transaction is settling just now is not waited for, because the two could deadlock; it is tried again at
-- one of the next captures.
create or replace function qbo_sync.retry_errors_of_preferences() returns trigger language plpgsql as $$
begin
    update qbo_sync.sync_error set retry_at = clock_timestamp()
     where id in (select id from qbo_sync.sync_error
                   where realm_id = new.realm_id and status = 'open' and causes @> array['Preferences']
                   order by id for update skip locked);
    perform pg_notify('qbo_sync', '');
    return null;
end
$$;
create or replace trigger retry_errors_of_preferences after update of preferences on qbo_sync.company for each row
    when (new.preferences is distinct from old.preferences) execute function qbo_sync.retry_errors_of_preferences();

-- Errors of an ignored customer are ignored from the start: not of what is linked, and has moved to that customer. The
-- customer is in the error's detail: {"customer_id", "customer_name"}.
create or replace function qbo_sync.ignore_errors_of_customer() returns trigger language plpgsql as $$
begin
    if new.status = 'open' and new.error_code = 'customer_not_linked'
       and exists (select 1 from qbo_sync.ignored_customer i
                    where i.realm_id = new.realm_id and i.qbo_id = new.detail ->> 'customer_id')
       and not exists (select 1 from qbo_sync.entity_link l
                        where l.realm_id = new.realm_id and l.entity = new.record_entity
                          and new.record_id = case new.direction when 'qbo_to_lms' then l.qbo_id
                                                                 else l.lms_id::text end) then
        new.status := 'ignored';
        new.retry_at := null;
    end if;
    return new;
end
$$;
create or replace trigger ignore_errors_of_customer before insert or update on qbo_sync.sync_error
    for each row execute function qbo_sync.ignore_errors_of_customer();

-- The customer is no longer ignored: its errors are open again and retried.
create or replace function qbo_sync.reopen_errors_of_customer() returns trigger language plpgsql as $$
begin
    update qbo_sync.sync_error set status = 'open', retry_at = clock_timestamp()
     where realm_id = old.realm_id and status = 'ignored' and error_code = 'customer_not_linked'
       and detail ->> 'customer_id' = old.qbo_id;
    perform pg_notify('qbo_sync', '');
    return null;
end
$$;
create or replace trigger reopen_errors_of_customer after delete on qbo_sync.ignored_customer
    for each row execute function qbo_sync.reopen_errors_of_customer();
