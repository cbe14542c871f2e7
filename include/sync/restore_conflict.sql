update qbo_sync.sync_error
   set error_code = detail -> 'earlier' ->> 'code', message = detail -> 'earlier' ->> 'message',
       resolution = detail -> 'earlier' ->> 'resolution', detail = detail -> 'earlier' -> 'detail', causes = '{}',
       retry_at = null
 where realm_id = %(realm)s and direction = %(direction)s and record_entity = %(entity)s and record_id = %(id)s
   and status = 'open' and error_code not like 'conflict%%' and detail ? 'earlier'
