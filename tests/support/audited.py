"""What must hold of the audit after any test: each write that was done has exactly one entry."""

from tests.support.world import World

#: Of each record and run: what was written as its outcomes say, and what the audit says. An entry more than the outcome
#: says is right only where the record did not end well (QuickBooks did the write, and its answer was wrong).
_UNEQUAL = """
    with outcomes as (
        select realm_id, entity, record_id, direction, dag_id, run_id,
               count(*) filter (where outcome in ('created', 'updated', 'deleted', 'adopted')) as done,
               count(*) filter (where outcome in ('failed', 'waiting', 'unchanged')) as not_done
          from qbo_sync.sync_outcome where dag_id <> 'undo_run' group by 1, 2, 3, 4, 5, 6
    ), entries as (
        select realm_id, entity, case side when 'lms' then qbo_id else coalesce(lms_id::text, document_number) end
                   as record_id,
               case side when 'lms' then 'qbo_to_lms' else 'lms_to_qbo' end as direction, dag_id, run_id,
               count(*) as entries
          from qbo_sync.audit_entry
         where dag_id <> 'undo_run' and operation <> 'unlink'
           and coalesce(request_id, '') not like 'unlink-%%' and coalesce(request_id, '') not like 'free-%%'
         group by 1, 2, 3, 4, 5, 6
    )
    select * from outcomes full join entries using (realm_id, entity, record_id, direction, dag_id, run_id)
     where coalesce(entries, 0) < coalesce(done, 0)
        or coalesce(entries, 0) > coalesce(done, 0) + coalesce(not_done, 0)
"""

#: Entries that cannot be, and requests that QuickBooks carried out and nobody has written down.
_WRONG = """
    select id from qbo_sync.audit_entry
     where dag_id is not null
       and (side = 'qbo' and operation in ('create', 'adopt') and before is not null
            or side = 'qbo' and operation = 'update' and before is null and lms_id is not null
            or operation in ('delete', 'unlink') and after is not null
            or operation in ('create', 'update', 'adopt') and after is null and lms_id is not null
            -- taken back twice
            or undo_of in (select undo_of from qbo_sync.audit_entry group by undo_of having count(*) > 1)
            or (request_id is not null) <> (side = 'qbo' and operation in ('create', 'update', 'delete')))
"""
#: A payment that made way is written by a request of its own.
_DOUBLED = """
    select request_id from qbo_sync.audit_entry where request_id like 'unlink-%%' or request_id like 'free-%%'
     group by 1 having count(*) > 1
"""
_FORGOTTEN = """
    select a.* from qbo_sync.api_call a
     where a.status = 200 and a.fault_code is null
       -- An answer of 200 to a delete does not say that it was done (trap 19); outcomes do.
       and (a.operation in ('create', 'update') or a.request_id like 'unlink-%%' or a.request_id like 'free-%%')
       and not exists (select 1 from qbo_sync.audit_entry e where e.request_id = a.request_id)
       and not exists (select 1 from qbo_sync.write_intent i where i.request_id = a.request_id)
       -- Made by a worker that died, it could not be looked for by the next one: then it is found and linked later, as
       -- if it were the bookkeeper's, whose work no undo removes (decision 0012). That entry names no request.
       and not exists (select 1 from qbo_sync.audit_entry e
                         join (values ('Item', 'product'), ('Item', 'special_item'), ('Customer', 'billing_account'),
                                      ('Customer', 'doctor_office'), ('Invoice', 'invoice'), ('CreditMemo', 'credit'),
                                      ('Payment', 'payment'), ('Payment', 'credit_application'))
                              as made (resource, entity) on made.entity = e.entity and made.resource = a.resource
                        where e.realm_id = a.realm_id and e.side = 'qbo' and e.operation = 'adopt'
                          and e.at > a.at and a.operation = 'create')
"""


def assert_audited(world: World) -> None:
    """Exactly one entry for each write."""
    assert world.sql(_UNEQUAL) == []
    assert world.sql(_WRONG) == []
    assert world.sql(_DOUBLED) == []
    assert world.sql(_FORGOTTEN) == []
