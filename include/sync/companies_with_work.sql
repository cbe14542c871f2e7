-- Companies that have something of these entities to sync, and of `after` nothing that goes first.
select c.realm_id, c.name
  from qbo_sync.company c
 where (%(realm)s::text is null or c.realm_id = %(realm)s)
   and (exists (select 1 from qbo_sync.pending_mark m
                 where m.realm_id = c.realm_id and m.direction = %(direction)s and m.entity = any(%(entities)s))
        and c.realm_id <> all (array(
            select * from qbo_sync.companies_with_earlier_work(%(direction)s, %(after)s::text[])))
        -- A write that a run died over is finished even if its record has nothing due.
        or %(direction)s = 'lms_to_qbo' and c.status = 'connected'
           and exists (select 1 from qbo_sync.connection n where n.realm_id = c.realm_id)
           and exists (select 1 from qbo_sync.write_intent i join qbo_sync.write_request r using (request_id)
                        where i.realm_id = c.realm_id and i.entity = any(%(entities)s)
                          and r.created_at < clock_timestamp() - interval '3 minutes'))
 order by c.realm_id
