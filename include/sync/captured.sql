-- What change capture has just read of these records, and what has happened since (include/model/captured.py).
select c.qbo_id, c.sync_token, c.body, clock_timestamp() - c.asked_at as age, s.sync_token as last_seen,
       (select max(l.sync_token::bigint)::text from qbo_sync.linked_record l
         where l.realm_id = c.realm_id and l.entity = any(%(entities)s) and l.qbo_id = c.qbo_id) as linked,
       exists (select 1 from qbo_sync.change_mark m
                where m.realm_id = c.realm_id and m.direction = 'qbo_to_lms' and m.entity = any(%(entities)s)
                  and m.record_id = c.qbo_id and m.marked_at > c.captured_at) as marked_since,
       -- A call is logged once it is answered, and the intent of a write stands from before it until after that.
       exists (select 1 from qbo_sync.write_intent i where i.realm_id = %(realm)s)
       or coalesce(c.asked_at <= (select max(a.at) from qbo_sync.api_call a
                                   where a.realm_id = %(realm)s and a.at > now() - %(young)s::interval
                                     and a.request_id is not null), false) as written_since
  from qbo_sync.captured_object c
  join qbo_sync.qbo_seen s using (realm_id, resource, qbo_id)
 where c.realm_id = %(realm)s and c.resource = %(resource)s and c.qbo_id = any(%(ids)s)
