"""Nothing left to do means nothing done: all DAGs once more, and not one write, neither here nor there."""

import psycopg
from psycopg import sql

from include.demo.quickbooks import QuickBooks

TABLES = (
    *("billing_lab", "billing_account", "doctor_office", "product", "lab_case", "case_line_item", "invoice"),
    *("invoice_line_item", "credit", "credit_application", "payment", "payment_application"),
)


def lms_versions(connection: psycopg.Connection) -> dict[str, tuple[int, int]]:
    """Of each LMS table, its rows and a sum over their versions: any insert, update or delete changes it."""
    versions = {}
    for table in TABLES:
        row = connection.execute(
            sql.SQL(
                "select count(*), coalesce(sum(hashtextextended(xmin::text || ctid::text, 0)), 0) from lms.{}"
            ).format(sql.Identifier(table))
        ).fetchone()
        if row is not None:
            versions[table] = (int(row[0]), int(row[1]))
    return versions


def check_quiet(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]], writes: int) -> list[str]:
    """`writes`: what QuickBooks has accepted meanwhile."""
    wrong = [f"all DAGs once more, and lms.{table} was written to" for table in before if before[table] != after[table]]
    if writes:
        wrong.append(f"all DAGs once more, and QuickBooks got {writes} writes")
    return wrong


def forget_writes(quickbooks: QuickBooks) -> None:
    """The sandbox counts from zero again, for all companies."""
    quickbooks.control("stats/reset", post=True)


def writes_since(quickbooks: QuickBooks) -> int:
    """The writes that the sandbox has accepted since then."""
    return int(quickbooks.control("stats")["writes"]["total"])
