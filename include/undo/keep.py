"""The undo as it is kept: what is to be taken back, what was, and the records that are left alone since."""

from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.company.runtime import Run
from include.lms.database import jsonb
from include.model.typed_json import typed
from include.undo.entries import TAKEN_BACK, Written
from include.undo.plan import Decision, Seen


def begin(
    connection: psycopg.Connection, run: Run, realm_id: str, undone: Run, *, asked_by: str, confirmed: bool
) -> int:
    """A new undo of this run's; one of an earlier try of its task, or from before the run was cleared, is forgotten:
    what that one took back, the audit knows."""
    connection.execute("delete from qbo_sync.undo where by_run = %s and realm_id = %s", [run.run_id, realm_id])
    row = connection.execute(
        "insert into qbo_sync.undo (realm_id, dag_id, run_id, by_run, asked_by, confirmed)"
        " values (%s, %s, %s, %s, %s, %s) returning id",
        [realm_id, undone.dag_id, undone.run_id, run.run_id, asked_by, confirmed],
    ).fetchone()
    if row is None:
        raise RuntimeError("an insert returns its row")
    return int(row[0])


def read(connection: psycopg.Connection, run: Run, realm_id: str) -> dict[str, Any]:
    """This run's undo: a row of qbo_sync.undo. Raises RuntimeError if `extract` has not begun it."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "select * from qbo_sync.undo where by_run = %s and realm_id = %s", [run.run_id, realm_id]
        ).fetchone()
    if row is None:
        raise RuntimeError(f"run {run.run_id} has no undo in company {realm_id}: clear its task extract too")
    return row


def keep_seen(connection: psycopg.Connection, undo_id: int, seen: Mapping[int, Seen]) -> None:
    """What is so now, by entry."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into qbo_sync.undo_record (undo_id, entry_id, seen) values (%s, %s, %s)",
            [[undo_id, entry_id, jsonb(one)] for entry_id, one in seen.items()],
        )


def read_seen(connection: psycopg.Connection, undo_id: int) -> dict[int, Seen]:
    """As it was kept."""
    rows = connection.execute("select entry_id, seen from qbo_sync.undo_record where undo_id = %s", [undo_id])
    return {entry_id: typed(seen, Seen) for entry_id, seen in rows}


def keep_decisions(connection: psycopg.Connection, undo_id: int, decisions: Mapping[int, Decision]) -> None:
    """What is done with each record, by entry."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "update qbo_sync.undo_record set action = %s, reason = %s where undo_id = %s and entry_id = %s",
            [[one.action, one.reason, undo_id, entry_id] for entry_id, one in decisions.items()],
        )


def read_actions(connection: psycopg.Connection, undo_id: int) -> dict[int, Any]:
    """What is still to be done, by entry."""
    rows = connection.execute(
        "select entry_id, action from qbo_sync.undo_record"
        " where undo_id = %s and action <> 'leave' and done_at is null",
        [undo_id],
    )
    return dict(rows.fetchall())


def mark_done(connection: psycopg.Connection, undo_id: int) -> None:
    """What the audit says was taken back is done, whichever try of the task did it."""
    connection.execute(
        "update qbo_sync.undo_record r set done_at = clock_timestamp() where undo_id = %s and done_at is null"
        "   and action <> 'leave' and exists (select from qbo_sync.audit_entry e where e.undo_of = r.entry_id)",
        [undo_id],
    )


def leave_alone(
    connection: psycopg.Connection, realm_id: str, record: Written, asked_by: str, *, in_lms: bool = True
) -> None:
    """Nothing of it is synced from now on, until somebody asks for it. `in_lms`: whether the LMS has it then."""
    connection.execute(
        "select qbo_sync.leave_alone(%s, %s, %s, %s, %s, %s)",
        [
            realm_id,
            record.entity,
            int(record.record_id) if record.record_id and in_lms else None,
            record.qbo_id,
            TAKEN_BACK,
            asked_by,
        ],
    )


def sync_as_before(connection: psycopg.Connection, realm_id: str, record: Written) -> None:
    """It was not taken back after all."""
    connection.execute(
        "delete from qbo_sync.left_alone where realm_id = %s and entity = %s and (lms_id::text = %s or qbo_id = %s)",
        [realm_id, record.entity, record.record_id, record.qbo_id],
    )
