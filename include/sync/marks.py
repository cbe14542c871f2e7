"""Change marks: which records have pending changes. The rules are SQL (migrations/sql/qbo_sync/marks.sql, due.sql)."""

import logging
from collections.abc import Collection
from typing import Any

import psycopg

from include.model.record import Direction, RecordKey
from include.model.staged import StagedRecord

log = logging.getLogger(__name__)


def dispatch(connection: psycopg.Connection) -> None:
    """Turn the LMS's raw change feed into marks. Before that: is this the database that the last run has left, or an
    older one that was restored (migrations/sql/qbo_sync/restored.sql), and was its clock ahead (clock.sql)?"""
    row = connection.execute("select qbo_sync.notice_restore()").fetchone()
    if row and row[0] is not None:
        log.warning("the database was restored: %d records are looked for in QuickBooks before they are sent", row[0])
    connection.execute("select qbo_sync.correct_times()")
    connection.execute("select qbo_sync.dispatch_lms_changes()")


def record_listing(connection: psycopg.Connection, dag_id: str) -> None:
    """A run of the DAG is about to list what is due: what is marked from now on has to wake another run."""
    connection.execute(
        "insert into qbo_sync.dag_listing (dag_id, listed_at) values (%s, clock_timestamp())"
        " on conflict (dag_id) do update set listed_at = excluded.listed_at",
        [dag_id],
    )


def lock_alone(connection: psycopg.Connection) -> None:
    """Before marks are changed in any order: nobody else changes several of them until this transaction ends."""
    connection.execute("select qbo_sync.lock_marks(true)")


def lock_to_settle(connection: psycopg.Connection) -> None:
    """Before several records are claimed or settled in one transaction: no dispatcher marks them meanwhile."""
    connection.execute("select qbo_sync.lock_marks(false)")


def hold(connection: psycopg.Connection, realm_id: str, direction: Direction, keys: Collection[RecordKey]) -> None:
    """Lock the marks of records of one entity before their links and errors, in the order of all who settle."""
    connection.execute(
        "select 1 from qbo_sync.change_mark m where m.realm_id = %s and m.direction = %s and m.entity = any(%s)"
        "   and m.record_id = any(%s) order by length(m.record_id), m.record_id for update of m",
        [realm_id, direction, list({key.entity for key in keys}), [key.id for key in keys]],
    )


def keep_waiting(
    connection: psycopg.Connection, realm_id: str, record: StagedRecord[Any, Any, Any, Any], waits_for: RecordKey
) -> None:
    """A part of the record cannot go yet: its mark outlives the write, and waits for that record to be linked."""
    connection.execute(
        "update qbo_sync.change_mark set generation = nextval('qbo_sync.mark_generation'), extracted_at = null,"
        " waits_for_entity = %s, waits_for_id = %s, waits_since = clock_timestamp()"
        " where realm_id = %s and direction = %s and entity = %s and record_id = %s and generation = %s",
        [
            waits_for.entity,
            waits_for.id,
            realm_id,
            record.direction,
            record.entity,
            record.record_id,
            record.generation,
        ],
    )


def leave_to_lab(
    connection: psycopg.Connection, realm_id: str, record: StagedRecord[Any, Any, Any, Any], billing_lab_id: int | None
) -> None:
    """It is due once this lab's settings let it sync; None: what QuickBooks created and no lab has, once a lab receives
    such transactions."""
    connection.execute(
        "update qbo_sync.change_mark set billing_lab_id = %s"
        " where realm_id = %s and direction = %s and entity = %s and record_id = %s and generation = %s",
        [billing_lab_id, realm_id, record.direction, record.entity, record.record_id, record.generation],
    )


def wait_no_more(
    connection: psycopg.Connection, realm_id: str, direction: Direction, key: RecordKey, generation: int
) -> None:
    """The write that the mark should outlive (`keep_waiting`) came to nothing: it is this plan's mark again, to be
    settled with what became of it. A change since then has made the mark its own."""
    connection.execute(
        "update qbo_sync.change_mark set generation = %s, waits_for_entity = null, waits_for_id = null,"
        " waits_since = null"
        " where realm_id = %s and direction = %s and entity = %s and record_id = %s and generation > %s"
        "   and waits_for_entity is not null",
        [generation, realm_id, direction, key.entity, key.id, generation],
    )


def mark_unless_known(connection: psycopg.Connection, realm_id: str, record: StagedRecord[Any, Any, Any, Any]) -> None:
    """Mark a record of QuickBooks' for its way back, unless it is marked there or has an error, which is retried."""
    connection.execute(
        "insert into qbo_sync.change_mark (realm_id, direction, entity, record_id, billing_lab_id)"
        " select %(realm)s, 'lms_to_qbo', %(entity)s, %(id)s, %(lab)s"
        "  where not exists (select 1 from qbo_sync.sync_error where realm_id = %(realm)s and status = 'open'"
        "                       and direction = 'lms_to_qbo' and record_entity = %(entity)s and record_id = %(id)s)"
        " on conflict do nothing",
        {"realm": realm_id, "entity": record.entity, "id": record.lms_id, "lab": record.billing_lab_id},
    )


def mark_one(
    connection: psycopg.Connection,
    realm_id: str,
    direction: Direction,
    entity: str,
    record_id: str,
    billing_lab_id: int | None,
) -> None:
    """Look at this record again (a retry that somebody asked for)."""
    connection.execute(
        "select qbo_sync.mark(%s, %s, %s, %s, %s)", [realm_id, direction, entity, record_id, billing_lab_id]
    )
