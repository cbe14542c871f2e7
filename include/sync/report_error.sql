insert into qbo_sync.sync_error as e (
    billing_lab_id, realm_id, entity, direction, operation, lms_id, qbo_id, document_number, error_code, message,
    resolution, detail, dag_id, run_id, task_id, record_entity, record_id, causes, retry_at)
values (
    %(lab)s, %(realm)s, %(entity)s, %(direction)s, %(operation)s, %(lms_id)s, %(qbo_id)s, %(number)s, %(code)s,
    %(message)s, %(resolution)s, %(detail)s, %(dag)s, %(run)s, 'load', %(record_entity)s, %(record_id)s,
    %(causes)s, case when %(never)s then null else clock_timestamp() + %(first)s end)
on conflict (realm_id, direction, record_entity, record_id) do update set
    billing_lab_id = coalesce(excluded.billing_lab_id, e.billing_lab_id),
    operation = excluded.operation,
    lms_id = coalesce(excluded.lms_id, e.lms_id),
    qbo_id = excluded.qbo_id,
    document_number = excluded.document_number,
    error_code = excluded.error_code,
    message = excluded.message,
    resolution = excluded.resolution,
    detail = excluded.detail || case
        when e.status = 'open' and e.error_code like 'conflict%%'
             and (e.error_code, e.detail - '{earlier,sides}'::text[]) <> (excluded.error_code, excluded.detail)
        then jsonb_build_object('earlier', jsonb_build_object('code', e.error_code, 'message', e.message,
                                                              'resolution', e.resolution, 'detail', e.detail))
        when e.status <> 'resolved' and e.detail ? 'earlier'
        then jsonb_build_object('earlier', e.detail -> 'earlier')
        else '{}' end
        -- Both sides as they were shown; sides.py looks whether they are still so.
        || case when e.status <> 'resolved' and e.error_code = excluded.error_code and e.detail ? 'sides'
                then jsonb_build_object('sides', e.detail -> 'sides') else '{}' end,
    causes = excluded.causes,
    dag_id = excluded.dag_id,
    run_id = excluded.run_id,
    -- Whoever ignored one problem, or closed one conflict, has not seen the next one.
    status = case when e.status = 'ignored' and e.error_code = excluded.error_code
                       -- A question that waits for an answer.
                       and e.error_code <> 'mass_delete_held'
                       and (e.error_code not like 'conflict%%'
                            or e.detail - '{earlier,sides}'::text[] = excluded.detail)
                       -- Kept beside one payment, it may be the same money as another.
                       and (e.error_code <> 'possible_duplicate'
                            or e.detail -> 'qbo_payment_id' = excluded.detail -> 'qbo_payment_id')
                  then 'ignored' else 'open' end,
    -- another problem has a history of its own
    attempts = case when e.status = 'resolved' or e.error_code <> excluded.error_code then 1 else e.attempts + 1 end,
    first_seen_at = case when e.status = 'resolved' or e.error_code <> excluded.error_code then clock_timestamp()
                         else e.first_seen_at end,
    last_seen_at = clock_timestamp(),
    resolved_at = null,
    retry_at = case when %(never)s then null
                    else clock_timestamp() + least(%(first)s * power(2, least(e.attempts, 10)), %(slowest)s) end
