-- Whose cause may be resolved: what had the name or the number, was inactive, or was one of several match candidates.
update qbo_sync.sync_error e set retry_at = clock_timestamp()
 where e.realm_id = %(realm)s and e.status = 'open'
   and (e.error_code = any(%(name_errors)s)
        and exists (select 1 from new_version n where not n.resource = any(%(transactions)s)
                       and n.resource <> 'CreditMemo' and not exists (
                           select 1 from qbo_sync.entity_link l
                            where l.realm_id = %(realm)s and l.qbo_id = n.qbo_id
                              and l.entity in ('billing_account', 'doctor_office', 'product')
                              and l.sync_token = n.sync_token))
        or e.error_code = 'qbo_6140'
           and exists (select 1 from new_version n
                        where n.resource = 'Invoice' and n.qbo_id = e.detail ->> 'holder_id')
        or e.error_code = 'ambiguous_match' and e.direction = 'lms_to_qbo'
           and exists (select 1 from new_version n
                        where n.resource = 'Invoice' and e.detail -> 'candidates' ? n.qbo_id))
