"""Retry, ignore, reopen and link: marks for the sync, the right DAG started, and a line in the audit."""

from collections.abc import Callable, Iterable, Sequence

import psycopg
from fastapi import HTTPException

from include.lms.database import jsonb
from include.page import dags
from include.page.access import Visitor
from include.page.audit import note
from include.page.database import Row, rows
from include.sync.marks import lock_alone

#: At most so many errors are retried at once; the rest stays where it is.
MOST = 1000

#: Starts a DAG for a company as a person: dags.start, or a test's own.
Start = Callable[[str, str, str], str | None]


def retry(connection: psycopg.Connection, who: Visitor, errors: Iterable[Row], start: Start = dags.start) -> int:
    """Mark each record of a live connection, commit, start what moves them; how many are being retried."""
    chosen = [error for error in errors if error["live"] and error["status"] == "open"][:MOST]
    groups: dict[tuple[str, str], list[Row]] = {}
    for error in chosen:
        groups.setdefault((dags.dag_of(error["direction"], error["record_entity"]), error["realm_id"]), []).append(
            error
        )
    if any(not who.may_run(dag_id) for dag_id, _ in groups):
        raise HTTPException(403)
    lock_alone(connection)
    for error in chosen:
        connection.execute("select qbo_sync.mark_failed(e) from qbo_sync.sync_error e where e.id = %s", [error["id"]])
        note(connection, who, "retry", lab=error["billing_lab_id"], realm=error["realm_id"], error=error["id"])
        connection.execute(
            "insert into qbo_sync.error_retry (sync_error_id, user_name) values (%s, %s)"
            " on conflict (sync_error_id) do update"
            " set asked_at = clock_timestamp(), user_name = excluded.user_name, dag_id = null, run_id = null",
            [error["id"], who.name],
        )
    if chosen:
        connection.execute("select pg_notify('qbo_sync', '')")
    connection.commit()
    for (dag_id, realm_id), members in groups.items():
        run_id = start(dag_id, realm_id, who.name)
        if run_id:
            connection.execute(
                "update qbo_sync.error_retry set dag_id = %s, run_id = %s where sync_error_id = any(%s)",
                [dag_id, run_id, [member["id"] for member in members]],
            )
    connection.commit()
    return len(chosen)


def ignore(connection: psycopg.Connection, who: Visitor, errors: Sequence[Row], reason: str) -> int:
    """Ignore the open ones of these, with a reason; how many, in the caller's transaction. Not the question whether
    many may be deleted: it has an answer."""
    lock_alone(connection)
    ignored = connection.execute(
        "update qbo_sync.sync_error set status = 'ignored', retry_at = null"
        " where id = any(%s) and status = 'open' and error_code <> 'mass_delete_held' returning id",
        [[error["id"] for error in errors]],
    ).fetchall()
    done = {error_id for (error_id,) in ignored}
    for error in errors:
        if error["id"] in done:
            note(
                connection,
                who,
                "ignore",
                lab=error["billing_lab_id"],
                realm=error["realm_id"],
                error=error["id"],
                reason=reason,
            )
    return len(done)


def reopen(connection: psycopg.Connection, who: Visitor, error: Row, start: Start = dags.start) -> int:
    """Open an ignored error again and retry it."""
    lock_alone(connection)
    customer = customer_of(error)
    if customer:
        connection.execute(
            "delete from qbo_sync.ignored_customer where realm_id = %s and qbo_id = %s", [error["realm_id"], customer]
        )
    connection.execute("update qbo_sync.sync_error set status = 'open' where id = %s", [error["id"]])
    note(connection, who, "reopen", lab=error["billing_lab_id"], realm=error["realm_id"], error=error["id"])
    return retry(connection, who, [{**error, "status": "open"}], start)


def of_customer(connection: psycopg.Connection, realm_id: str, customer_id: str) -> list[Row]:
    """The open errors that wait for a customer to be linked."""
    return rows(
        connection,
        "select e.*, exists (select 1 from qbo_sync.connection n join qbo_sync.company c using (realm_id)"
        "                     where n.realm_id = e.realm_id and c.status = 'connected') as live"
        "  from qbo_sync.sync_error e where e.realm_id = %s and e.status = 'open'"
        "   and e.error_code = 'customer_not_linked' and e.detail @> %s",
        [realm_id, jsonb({"customer_id": customer_id})],
    )


def duplicate_of(error: Row) -> tuple[int, str] | None:
    """The payments that an error `possible_duplicate` is about: LMS id, QuickBooks id."""
    if error["error_code"] != "possible_duplicate" or error["lms_id"] is None:
        return None
    qbo_id = error["detail"].get("qbo_payment_id")
    return (int(error["lms_id"]), str(qbo_id)) if qbo_id else None


def customer_of(error: Row) -> str | None:
    """The QuickBooks customer that an error `customer_not_linked` is about."""
    if error["error_code"] != "customer_not_linked":
        return None
    customer = error["detail"].get("customer_id")
    return str(customer) if customer else None
