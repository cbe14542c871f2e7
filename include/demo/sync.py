"""Connects the labs, and lets Airflow sync until nothing is left to do."""

import datetime as dt
import time
from collections.abc import Sequence

import psycopg

from include.company.connect import CannotConnect, connect_lab
from include.company.runtime import Run
from include.demo.airflow import Airflow
from include.demo.quickbooks import QuickBooks
from include.qbo.errors import QboError

CAPTURE = "qbo_change_capture"
NEEDED_DAGS = {
    *("billing_account_lms_to_qbo", "product_lms_to_qbo", "invoice_lms_to_qbo", "credit_lms_to_qbo"),
    *("payment_lms_to_qbo", "invoice_qbo_to_lms", "payment_qbo_to_lms", CAPTURE, "ledger_reconciliation"),
}
#: It takes back a run that somebody has to name: it is not started for nothing.
UNDO = "undo_run"
PATIENCE = 900.0  # seconds for one phase
QUIET = 1.0  # seconds without a run or a mark before a phase counts as done
STUCK = 8.0  # seconds without a run, with marks left: trigger again


class SyncError(Exception):
    """The sync did not come to an end."""


def connect(connection: psycopg.Connection, lab: str, quickbooks: QuickBooks, receives: bool) -> bool:
    """Connect a lab to its company as `make connect` does; False if it is connected already."""
    if is_connected(connection, lab, quickbooks):
        return False
    from include.orchestration.runtime import PAGE_CONNECTION_ID, runtime  # Airflow takes seconds to import: only here

    wanted = {"realm_id": quickbooks.realm_id, "refresh_token": quickbooks.grant()["refresh_token"]}
    try:
        as_page = runtime(Run(dag_id="make connect", run_id="demo"), PAGE_CONNECTION_ID)
        connect_lab(as_page, billing_lab=lab, **wanted)
    except (CannotConnect, QboError) as error:
        raise SyncError(f"{lab} cannot be connected: {error}") from error
    if receives:
        _let_receive(connection, lab, quickbooks.realm_id)
    return True


def is_connected(connection: psycopg.Connection, lab: str, quickbooks: QuickBooks) -> bool:
    """Whether a lab is connected to this company."""
    rows = connection.execute(
        """select 1 from qbo_sync.connection n join lms.billing_lab b on b.id = n.billing_lab_id
            where b.name = %s and n.realm_id = %s""",
        [lab, quickbooks.realm_id],
    )
    return rows.fetchone() is not None


def _let_receive(connection: psycopg.Connection, lab: str, realm_id: str) -> None:
    """Of the labs that share a company, this one receives what is created in QuickBooks."""
    with connection.transaction():
        for statement in (
            """update qbo_sync.connection n set receives_qbo_transactions = false from lms.billing_lab b
                where b.id = n.billing_lab_id and n.realm_id = %(realm)s and b.name <> %(lab)s
                  and n.receives_qbo_transactions""",
            """update qbo_sync.connection n set receives_qbo_transactions = true from lms.billing_lab b
                where b.id = n.billing_lab_id and n.realm_id = %(realm)s and b.name = %(lab)s
                  and not n.receives_qbo_transactions""",
        ):
            connection.execute(statement, {"realm": realm_id, "lab": lab})


def work_left(connection: psycopg.Connection) -> int:
    """Changes not looked at yet, marks that are due, and marks whose time has not come."""
    row = connection.execute(
        """select (select count(*) from qbo_sync.lms_change) + (select count(*) from qbo_sync.due_mark)
                + (select count(*) from qbo_sync.change_mark where attempt_after > clock_timestamp())"""
    ).fetchone()
    return int(row[0]) if row else 0


def is_captured(connection: psycopg.Connection, begun: dt.datetime) -> bool:
    """Whether each company was asked what changed after `begun` and after the sync's last write to it."""
    row = connection.execute(
        """select bool_and(captured_at > %(begun)s and not exists (
                    select 1 from qbo_sync.api_call a
                     where a.realm_id = c.realm_id and a.request_id is not null
                       and a.at > (select max(q.at) from qbo_sync.api_call q
                                    where q.realm_id = c.realm_id and q.dag_id = 'qbo_change_capture')))
             from qbo_sync.qbo_cursor c""",
        {"begun": begun},
    ).fetchone()
    return bool(row and row[0])


def sync_until_done(connection: psycopg.Connection, airflow: Airflow, *, everything: bool = False) -> None:
    """Until no run is active, no work left, and QuickBooks was asked for news after the last change there.

    Events start the DAGs. Only the change capture is not waited for but triggered; every DAG is if `everything` is
    asked for, and where work is left that no run takes up.
    """
    dag_ids = [one for one in airflow.wait_for_dags(NEEDED_DAGS) if one != UNDO]
    begun = dt.datetime.now(tz=dt.UTC)
    _trigger(airflow, dag_ids if everything else [CAPTURE])
    end = time.monotonic() + PATIENCE
    idle_since: float | None = None
    while time.monotonic() < end:
        time.sleep(0.5)
        if airflow.active_runs():
            idle_since = None
            continue
        idle_since = idle_since or time.monotonic()
        idle, left = time.monotonic() - idle_since, work_left(connection)
        if not left and idle > QUIET:
            if is_captured(connection, begun):
                return
            _trigger(airflow, [CAPTURE])
            idle_since = None
        elif left and idle > STUCK:
            _trigger(airflow, dag_ids)
            idle_since = None
    raise SyncError(f"after {PATIENCE:.0f} s, {work_left(connection)} changes are still to be synced")


def _trigger(airflow: Airflow, dag_ids: Sequence[str]) -> None:
    for dag_id in dag_ids:
        airflow.trigger(dag_id)
