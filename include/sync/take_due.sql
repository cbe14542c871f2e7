-- Takes the due marks of one company that no other run has in flight.
    update qbo_sync.change_mark m
       set extracted_at = clock_timestamp(), extracted_by = %(dag)s || '/' || %(run)s
      from (select * from qbo_sync.due_mark
             where realm_id = %(realm)s and direction = %(direction)s and entity = any(%(entities)s)
               and (extracted_at is null or extracted_at not between clock_timestamp() - interval '2 minutes' and clock_timestamp()
                    or extracted_by = %(dag)s || '/' || %(run)s)
             order by marked_at limit %(limit)s) d
     where m.realm_id = d.realm_id and m.direction = d.direction and m.entity = d.entity
       and m.record_id = d.record_id
    returning m.*
