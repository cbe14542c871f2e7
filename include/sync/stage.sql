-- Stages the records of `due`. Rows of an earlier try of the run are replaced.
insert into qbo_sync.staged_record as s
       (dag_id, run_id, realm_id, direction, entity, record_id, billing_lab_id, generation, link_version, link)
select %(dag)s, %(run)s, d.realm_id, d.direction, d.entity, d.record_id, d.billing_lab_id, d.generation, l.version,
       case when l.qbo_id is not null
            then jsonb_build_object('qbo_id', l.qbo_id, 'base', l.base, 'sync_token', l.sync_token,
                                    'record_id', l.record_id) end
  from due d
  left join qbo_sync.linked_record l on l.realm_id = d.realm_id and l.entity = d.entity
                                    and l.record_id = d.record_id
on conflict (dag_id, run_id, realm_id, entity, record_id) do update
   set generation = excluded.generation, link_version = excluded.link_version, link = excluded.link,
       billing_lab_id = excluded.billing_lab_id, lms = null, qbo = null, context = null, step = null, plan = null,
       problems = '[]', outcome = null, extracted_at = clock_timestamp()
