"""The records of a proof that is under way: both sides of each in one row of qbo_sync.reconciliation_record."""

from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.company.company import Company
from include.lms.customer_of import CUSTOMER_IS_PAIR
from include.lms.database import jsonb

Row = dict[str, Any]

_HERE = Path(__file__).parent
_STAGE = (
    (_HERE / "stage.sql").read_text().format(pair=CUSTOMER_IS_PAIR.condition, joins=CUSTOMER_IS_PAIR.joins).encode()
)
_CONTROL = (_HERE / "control.sql").read_bytes()
_SUMS = (_HERE / "sums.sql").read_bytes()
_DIFFERING = (_HERE / "differing.sql").read_bytes()
_NAMES = (_HERE / "names.sql").read_bytes()


def receiver(company: Company) -> int | None:
    """Whose the transactions are that only QuickBooks has; None: no lab's."""
    if company.receiving_lab:
        return company.receiving_lab.billing_lab_id
    return next(iter(company.settings)) if len(company.settings) == 1 else None


def stage(connection: psycopg.Connection, company: Company, reconciliation_id: int) -> int:
    """Set both sides side by side, with the totals to check them by, as of one moment, and commit; how many records.

    The connection has no transaction open.
    """
    values = {"realm": company.realm_id, "id": reconciliation_id, "receiver": receiver(company)}
    connection.execute("set transaction isolation level repeatable read")
    # The statement reads every table whole, some of them filled a moment ago: without fresh statistics the planner
    # would choose nested loops, minutes instead of seconds.
    connection.execute("set local enable_nestloop = off")
    records = connection.execute(_STAGE, values).rowcount
    [control] = _rows(connection, _CONTROL, values)
    connection.execute(
        "update qbo_sync.reconciliation set control = %s, compared = %s where id = %s",
        [jsonb(control), records, reconciliation_id],
    )
    connection.commit()
    connection.execute("analyze qbo_sync.reconciliation_record")
    connection.commit()
    return records


def sums(connection: psycopg.Connection, reconciliation_id: int) -> list[Row]:
    """What each lab's customers come to on both sides, in cents."""
    return _rows(connection, _SUMS, {"id": reconciliation_id})


def differing(connection: psycopg.Connection, realm_id: str, reconciliation_id: int) -> list[Row]:
    """The records that differ, with what the sync knows of each."""
    return _rows(connection, _DIFFERING, {"realm": realm_id, "id": reconciliation_id})


def customers(connection: psycopg.Connection, realm_id: str, reconciliation_id: int) -> dict[str, Row]:
    """Name and parent of each customer; of QuickBooks', its own balance and what of it no record explains (cents)."""
    found = _rows(connection, _NAMES, {"realm": realm_id, "id": reconciliation_id})
    return {row["customer"]: row for row in found}


def forget(connection: psycopg.Connection, realm_id: str) -> None:
    """The company's records, also those of proofs that stopped midway, in the caller's transaction."""
    connection.execute(
        "delete from qbo_sync.reconciliation_record r using qbo_sync.reconciliation p"
        " where p.id = r.reconciliation_id and p.realm_id = %s"
        "   and (p.finished_at is not null or p.started_at < clock_timestamp() - interval '1 day')",
        [realm_id],
    )


def _rows(connection: psycopg.Connection, statement: bytes, values: Row) -> list[Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement, values).fetchall()
