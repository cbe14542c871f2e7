"""The records whose deletes are held: as both sides last agreed on them, since one side has them no more."""

import psycopg

from include.page.database import Row, row, rows
from include.page.error_data import PAGE_SIZE

_HELD = """
  from qbo_sync.change_mark m
  join qbo_sync.linked_record l on l.realm_id = m.realm_id and l.entity = m.entity
       and m.record_id = case m.direction when 'lms_to_qbo' then l.record_id else l.qbo_id end
 cross join lateral (
       select coalesce((l.base ->> 'total')::numeric, (l.base ->> 'amount')::numeric,
                       (select sum((a ->> 'amount')::numeric)
                          from jsonb_array_elements(l.base -> 'applications') a)) as amount) money
 where m.realm_id = %(realm)s and m.direction = %(direction)s and m.entity = %(entity)s
   and m.billing_lab_id is not distinct from %(lab)s and m.waits_for_entity = 'mass_delete'
"""
_COLUMNS = """
select l.base ->> 'number' as number, (l.base ->> 'date')::date as dated, amount, l.record_id as lms_id, l.qbo_id,
       case l.base #>> '{customer,0}'
       when 'billing_account' then (select a.name from lms.billing_account a
                                     where a.id::text = l.base #>> '{customer,1}')
       else (select a.name || ': ' || o.child_subaccount_name
               from lms.doctor_office o join lms.billing_account a on a.id = o.billing_account_id
              where o.id::text = l.base #>> '{customer,1}') end as customer
"""
_NEWEST_FIRST = """
 order by dated desc nulls last, length(l.record_id) desc, l.record_id desc limit %(limit)s offset %(offset)s
"""


def _parameters(error: Row) -> Row:
    return {
        "realm": error["realm_id"],
        "direction": error["direction"],
        "entity": error["record_entity"],
        "lab": error["billing_lab_id"],
    }


def count_held(connection: psycopg.Connection, error: Row) -> Row:
    """How many records the error is about, and their total: {records, total}."""
    found = row(
        connection, f"select count(*) as records, coalesce(sum(amount), 0) as total {_HELD}", _parameters(error)
    )
    return found or {"records": 0, "total": 0}


def read_held(connection: psycopg.Connection, error: Row, page: int) -> list[Row]:
    """One page of them, the newest first: {number, dated, customer, amount, lms_id, qbo_id}."""
    return rows(
        connection,
        f"{_COLUMNS} {_HELD} {_NEWEST_FIRST}",
        {**_parameters(error), "limit": PAGE_SIZE, "offset": (page - 1) * PAGE_SIZE},
    )
