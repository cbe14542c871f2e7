-- Errors of a company that do not show both sides of their record yet, and those that the run has just reported.
select e.id, e.direction, e.record_entity, e.error_code, e.detail, e.last_seen_at,
       case when e.direction = 'lms_to_qbo' then e.record_id else coalesce(e.lms_id::text, l.record_id) end as lms_id,
       coalesce(case when e.direction = 'qbo_to_lms' then e.record_id end, l.qbo_id,
                e.detail ->> 'qbo_payment_id',  -- the other one of a possible duplicate
                case when e.record_entity <> 'credit_application' then e.qbo_id end) as qbo_id,
       case when s.sync_token is null or s.sync_token::bigint < l.sync_token::bigint
            then l.sync_token else s.sync_token end as known_version
  from qbo_sync.sync_error e
  join unnest(%(entities)s::text[], %(linked_as)s::text[], %(resources)s::text[]) k (entity, linked_as, resource)
    on k.entity = e.record_entity
  left join qbo_sync.linked_record l
    on l.realm_id = e.realm_id and l.entity = k.linked_as
   and case when e.direction = 'lms_to_qbo' then l.record_id = e.record_id else l.qbo_id = e.record_id end
  left join qbo_sync.qbo_seen s on s.realm_id = e.realm_id and s.resource = k.resource
   and s.qbo_id = case when e.direction = 'lms_to_qbo' then l.qbo_id else e.record_id end
 where e.realm_id = %(realm)s and e.status in ('open', 'ignored')
   -- This one is about many records.
   and e.error_code <> 'mass_delete_held'
   and (not e.detail ? 'sides' or (e.dag_id, e.run_id) = (%(dag)s, %(run)s))
 order by e.id limit %(limit)s
