-- Of each company and code whose cause no capture can see, the error that was tried longest ago: whether the cause is gone, only
-- trying tells.
update qbo_sync.sync_error set retry_at = clock_timestamp()
 where id in (select distinct on (realm_id, error_code) id
                from qbo_sync.sync_error
               where realm_id = any(%(realms)s) and status = 'open' and causes @> array[%(unseen)s]
                 and last_seen_at < clock_timestamp() - %(rest)s::interval
               order by realm_id, error_code, last_seen_at, id)
