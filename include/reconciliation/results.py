"""What a proof found, in the tables that keep it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
from psycopg.rows import dict_row

from include.reconciliation.compare import FIGURES, cents

Row = dict[str, Any]

_AGING = Path(__file__).with_name("aging.sql").read_bytes()

_CUSTOMER_COLUMNS = (
    "billing_lab_id",
    "customer",
    "name",
    "parent",
    *(f"{side}_{figure}" for side in ("lms", "qbo") for figure in FIGURES),
    "qbo_other",
    "differences",
    "unexplained",
)
_DIFFERENCE_COLUMNS = (
    "billing_lab_id",
    "entity",
    "lms_id",
    "qbo_id",
    "number",
    "dated",
    "lms_customer",
    "qbo_customer",
    "lms_amount",
    "lms_open",
    "qbo_amount",
    "qbo_open",
    "cause",
    "explained",
    "reason",
    "what_to_do",
    "fix",
    "sync_error_id",
)


def keep(
    connection: psycopg.Connection,
    reconciliation_id: int,
    customers: pd.DataFrame,
    names: Mapping[str, Row],
    differences: Sequence[Row],
) -> None:
    """Write customers, differences and the aging down, in the caller's transaction. `customers`: of compare.explain."""
    for table in ("customer", "difference", "aging"):
        # Table names of this module.
        statement = f"delete from qbo_sync.reconciliation_{table} where reconciliation_id = %s"  # noqa: S608
        connection.execute(statement.encode(), [reconciliation_id])
    _insert(connection, "customer", _CUSTOMER_COLUMNS, reconciliation_id, _in_dollars(customers, names))
    _insert(connection, "difference", _DIFFERENCE_COLUMNS, reconciliation_id, differences)
    row = connection.execute("select as_of from qbo_sync.reconciliation where id = %s", [reconciliation_id]).fetchone()
    connection.execute(_AGING, {"id": reconciliation_id, "as_of": row[0] if row else None})


def kept(connection: psycopg.Connection, reconciliation_id: int) -> tuple[list[Row], list[Row]]:
    """What was written down: customers with their figures in cents, and differences in dollars."""
    with connection.cursor(row_factory=dict_row) as cursor:
        customers = cursor.execute(
            "select * from qbo_sync.reconciliation_customer where reconciliation_id = %s", [reconciliation_id]
        ).fetchall()
        differences = cursor.execute(
            "select * from qbo_sync.reconciliation_difference where reconciliation_id = %s order by id",
            [reconciliation_id],
        ).fetchall()
    in_cents = [
        {key: cents(value) if key.startswith(("lms_", "qbo_")) else value for key, value in row.items()}
        for row in customers
    ]
    return in_cents, differences


def _in_dollars(customers: pd.DataFrame, names: Mapping[str, Row]) -> list[Row]:
    rows = []
    for one in customers.to_dict("records"):
        known = names.get(one["customer"], {})
        rows.append(
            {
                **{key: _dollars(value) for key, value in one.items() if key.startswith(("lms_", "qbo_"))},
                "billing_lab_id": one["billing_lab_id"] or None,
                "customer": one["customer"],
                "name": known.get("name") or "A customer that was deleted",
                "parent": known.get("parent"),
                "differences": int(one["differences"]),
                "unexplained": int(one["unexplained"]),
            }
        )
    return rows


def _dollars(amount: int) -> str:
    """Cents as dollars, exactly: no float on the way."""
    sign, whole = ("-", -int(amount)) if amount < 0 else ("", int(amount))
    return f"{sign}{whole // 100}.{whole % 100:02d}"


def _insert(
    connection: psycopg.Connection, table: str, columns: Sequence[str], reconciliation_id: int, rows: Sequence[Row]
) -> None:
    names = psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, ("reconciliation_id", *columns)))
    target = psycopg.sql.Identifier("qbo_sync", f"reconciliation_{table}")
    copy = psycopg.sql.SQL("copy {} ({}) from stdin").format(target, names)
    with connection.cursor() as cursor, cursor.copy(copy) as stream:
        for row in rows:
            stream.write_row([reconciliation_id, *(row[name] for name in columns)])
