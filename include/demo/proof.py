"""Lets Airflow make the ledger proof of every company, and reads what it says."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import psycopg
from psycopg.rows import class_row

from include.demo.airflow import Airflow, AirflowError

DAG = "ledger_reconciliation"
PATIENCE = 300.0  # seconds


@dataclass(frozen=True)
class LabLedger:
    """One figure of one lab, in dollars: on both sides, and what of the gap has a reason that somebody knows of."""

    lab: str
    what: str
    lms: Decimal
    qbo: Decimal
    explained: Decimal

    @property
    def difference(self) -> Decimal:
        """What nobody can explain."""
        return self.qbo - self.lms - self.explained


#: (figure, its words, the records it is made of, their column)
_FIGURES = (
    ("invoices", "invoices", "invoice", "amount"),
    ("invoices_open", "  still open", "invoice", "open"),
    ("credits", "credits", "credit", "amount"),
    ("credits_open", "  not applied", "credit", "open"),
    ("payments", "payments", "payment", "amount"),
    ("payments_open", "  not applied", "payment", "open"),
)


def prove(connection: psycopg.Connection, airflow: Airflow, realms: Sequence[str]) -> str:
    """Compare the books of these companies; the run's id. Raises AirflowError if it does not come to an end."""
    run_id = airflow.trigger(DAG)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        row = connection.execute(
            "select count(*) from qbo_sync.reconciliation"
            " where run_id = %s and realm_id = any(%s) and finished_at is not null",
            [run_id, list(realms)],
        ).fetchone()
        if row and row[0] == len(realms):
            return run_id
        time.sleep(0.5)
    raise AirflowError(f"{DAG} {run_id} has not proved every company in {PATIENCE:.0f} s")


def ledgers(connection: psycopg.Connection, run_id: str) -> list[LabLedger]:
    """Each figure of each lab, by a run's proofs."""
    found = []
    with connection.cursor(row_factory=class_row(LabLedger)) as cursor:
        for figure, words, entity, column in _FIGURES:
            # Names of this module.
            statement = f"""
                select b.name as lab, %(words)s as what, sum(c.lms_{figure}) as lms, sum(c.qbo_{figure}) as qbo,
                       coalesce((select sum(d.qbo_{column} - d.lms_{column}) from qbo_sync.reconciliation_difference d
                                  where d.reconciliation_id = p.id and d.billing_lab_id = b.id
                                    and d.entity = %(entity)s and d.explained), 0) as explained
                  from qbo_sync.reconciliation p
                  join qbo_sync.reconciliation_customer c on c.reconciliation_id = p.id
                  join lms.billing_lab b on b.id = c.billing_lab_id
                 where p.run_id = %(run)s group by p.id, b.id"""  # noqa: S608 - our own words
            found += cursor.execute(statement.encode(), {"words": words, "entity": entity, "run": run_id}).fetchall()
    return sorted(found, key=lambda one: one.lab)


def customers(connection: psycopg.Connection, run_id: str) -> int:
    """How many customers of the labs a run's proofs have compared."""
    row = connection.execute(
        "select count(*) from qbo_sync.reconciliation_customer c join qbo_sync.reconciliation p"
        "    on p.id = c.reconciliation_id where p.run_id = %s",
        [run_id],
    ).fetchone()
    return int(row[0]) if row else 0


def check_proof(connection: psycopg.Connection, run_id: str) -> list[str]:
    """What a run's proofs cannot explain."""
    failed = connection.execute(
        "select realm_id from qbo_sync.reconciliation where run_id = %s and state = 'failed'", [run_id]
    )
    unexplained = connection.execute(
        "select d.entity, coalesce(d.number, d.lms_id::text, d.qbo_id), d.cause, d.reason"
        "  from qbo_sync.reconciliation_difference d join qbo_sync.reconciliation p on p.id = d.reconciliation_id"
        " where p.run_id = %s and not d.explained order by d.id",
        [run_id],
    )
    return [
        *(f"the ledger proof of {realm} does not add up" for (realm,) in failed),
        *(f"{entity} {name} differs ({cause}): {reason}" for entity, name, cause, reason in unexplained),
    ]
