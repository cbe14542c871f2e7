"""Companies that fail: they are worked apart from the others for a while, and rest between tries."""

from collections.abc import Collection
from datetime import timedelta

import psycopg

from include.company.runtime import Run
from include.qbo.errors import NotConnected, QboError, ReconnectRequired
from include.sync import marks

#: No task shares it with others as long as it fails, and so long after its last failure.
APART = timedelta(minutes=15)

#: The pause after the second failure running; it doubles with each, up to the longest.
FIRST_REST, LONGEST_REST = timedelta(seconds=30), timedelta(minutes=15)


def note(connection: psycopg.Connection, run: Run, realm_id: str, error: Exception, *, alone: bool) -> None:
    """A run has failed for the company; commits. `alone`: in a task of its own, where everybody sees it.

    The first time it is tried again at once, alone: a company that is only slow then gets its work done.
    """
    connection.execute(
        "insert into qbo_sync.company_trouble as t (realm_id, alone_until, error, dag_id, shown)"
        " values (%(realm)s, clock_timestamp() + %(apart)s, %(error)s, %(dag)s, %(alone)s)"
        " on conflict (realm_id) do update set failures = t.failures + 1, alone_until = excluded.alone_until,"
        "   error = excluded.error, dag_id = excluded.dag_id, shown = excluded.shown,"
        "   since = case when t.failures = 0 then clock_timestamp() else t.since end,"
        "   retry_at = case when t.failures > 0"
        "       then clock_timestamp() + least(%(first)s * 2 ^ least(t.failures - 1, 20), %(longest)s) end",
        {
            "realm": realm_id,
            "apart": APART,
            # What QuickBooks' client says holds no secret and no patient's name.
            "error": str(error) if isinstance(error, QboError) else type(error).__name__,
            "dag": run.dag_id,
            "alone": alone,
            "first": FIRST_REST,
            "longest": LONGEST_REST,
        },
    )
    connection.commit()


def leave_to_own_task(connection: psycopg.Connection, run: Run, realm_id: str) -> None:
    """What this run has in hand of the company is due again, for a run in which it has a task of its own; commits."""
    marks.lock_alone(connection)
    connection.execute(
        "update qbo_sync.change_mark set extracted_at = null where realm_id = %s and extracted_by = %s",
        [realm_id, run.name],
    )
    connection.execute("select pg_notify('qbo_sync', '')")
    connection.commit()


def is_listed(connection: psycopg.Connection, run: Run, realm_ids: list[str]) -> None:
    """Companies that have failed get a task of their own in this run: no other run tries them meanwhile."""
    connection.execute(
        "update qbo_sync.company_trouble set shown = shown or dag_id = %s,"
        "   retry_at = case when failures > 0 then clock_timestamp() + %s end"
        " where realm_id = any(%s)",
        [run.dag_id, FIRST_REST, realm_ids],
    )


def is_over(connection: psycopg.Connection, realm_ids: Collection[str]) -> None:
    """A run of these companies has come to its end; commits. What other DAGs have of them need wait no longer."""
    over = connection.execute(
        "with troubled as materialized ("
        "select realm_id from qbo_sync.company_trouble where realm_id = any(%s) order by realm_id for update"
        ") update qbo_sync.company_trouble t"
        "   set failures = 0, retry_at = null, shown = true from troubled"
        " where t.realm_id = troubled.realm_id and t.failures > 0 returning t.realm_id, pg_notify('qbo_sync', '')",
        [list(realm_ids)],
    ).fetchall()
    connection.execute(
        "delete from qbo_sync.company_trouble where realm_id = any(%s) and alone_until < clock_timestamp()",
        [sorted({*realm_ids} - {realm_id for realm_id, _ in over})],
    )
    connection.commit()


def require_access(connection: psycopg.Connection, realm_id: str) -> None:
    """Raises ReconnectRequired if Pilot has lost its access to the company, and NotConnected if it was given up."""
    row = connection.execute("select status, name from qbo_sync.company where realm_id = %s", [realm_id]).fetchone()
    if row and row[0] == "reconnect_required":
        raise ReconnectRequired(
            f"{row[1]} (QuickBooks company {realm_id}) does not sync because Pilot lost its access. Reconnect the"
            " company on the QuickBooks Online page (Admin > QuickBooks Online)."
        )
    if row is None or row[0] != "connected":
        raise NotConnected(f"QuickBooks company {realm_id} is disconnected.")
