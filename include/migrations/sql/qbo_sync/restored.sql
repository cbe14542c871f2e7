-- A database that was restored from a backup does not know what runs have written to QuickBooks since.

-- The server's cluster, its timeline (a recovery to a point in time begins another), the database (a copy is another),
-- and a table of it (pg_restore makes it anew).
create or replace function qbo_sync.current_identity() returns text language sql stable as $$
    select concat_ws('/', (select system_identifier from pg_control_system()),
                     (select timeline_id from pg_control_checkpoint()),
                     (select oid from pg_database where datname = current_database()),
                     'qbo_sync.entity_link'::regclass::oid)
$$;

-- The last moment that this database knows of: what QuickBooks has made later may have been made by runs that it knows
-- nothing of. Its clock and ours may differ by two minutes; what it has written while it was ahead does not count.
create or replace function qbo_sync.last_known_moment() returns timestamptz language sql stable as $$
    select coalesce(greatest((select at from qbo_sync.api_call where at <= clock_timestamp() order by id desc limit 1),
                             (select at from qbo_sync.sync_outcome where at <= clock_timestamp()
                               order by id desc limit 1)),
                    case when exists (select from qbo_sync.api_call) then clock_timestamp() - interval '1 day' end)
           - interval '2 minutes'
$$;

-- The database was restored: each transaction that is in no link may be in QuickBooks already. It is looked for there
-- before it is created, like a create whose answer says nothing (write/unconfirmed.py). Returns how many.
create or replace function qbo_sync.restored(p_since timestamptz default qbo_sync.last_known_moment()) returns integer
language sql as $$
    with unlinked as (
        select n.realm_id, t.entity, t.id::text as record_id
          from qbo_sync.connection n
          join (select 'invoice' as entity, id, billing_lab_id from lms.invoice where origin = 'lms'
                union all
                select 'payment', id, billing_lab_id from lms.payment where origin = 'lms'
                union all
                select e.entity, c.id, c.billing_lab_id
                  from lms.credit c cross join (values ('credit'), ('credit_application')) e (entity)) t
            on t.billing_lab_id = n.billing_lab_id
         where not exists (select 1 from qbo_sync.linked_record l
                            where l.realm_id = n.realm_id and l.entity = t.entity and l.record_id = t.id::text)
    ), noted as (
        insert into qbo_sync.unconfirmed_create (realm_id, entity, record_id, sent_after)
        select realm_id, entity, record_id, p_since from unlinked where p_since is not null
        on conflict do nothing  -- that one was sent before
        returning 1
    )
    select count(*)::integer from noted
$$;

-- Called by every run: notices that the database is another one than the runs before have worked on. How many records
-- have to be looked for; null: it is the same.
create or replace function qbo_sync.notice_restore() returns integer language plpgsql as $$
declare
    identity_now text := qbo_sync.current_identity();
    known text;
begin
    select identity into known from qbo_sync.database_identity;
    if known = identity_now then
        return null;
    elsif known is null then
        insert into qbo_sync.database_identity (identity) values (identity_now) on conflict do nothing;
        return null;
    end if;
    perform qbo_sync.lock_marks(true);
    update qbo_sync.database_identity set identity = identity_now, noticed_at = clock_timestamp()
     where identity = known;
    if not found then
        return null;  -- another run was quicker
    end if;
    return qbo_sync.restored();
end
$$;
