-- The cause of one error was the company's and is gone: so it is for the others of the code. Those that another
-- transaction is settling just now need nothing.
with others as (
    update qbo_sync.sync_error set retry_at = clock_timestamp()
     where id in (select id from qbo_sync.sync_error
                   where realm_id = %(realm)s and status = 'open' and error_code = %(code)s
                     and causes @> array[%(unseen)s]
                   order by id for update skip locked)
    returning 1
)
select pg_notify('qbo_sync', '') from others limit 1
