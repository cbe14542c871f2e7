"""Takes back what a run wrote to the LMS: the rows as they were, one record a transaction."""

import logging

import psycopg

from include.company.runtime import Run
from include.model.record import RecordKey
from include.sync import audit, links
from include.undo.entries import Written
from include.undo.keep import leave_alone
from include.undo.plan import CHANGED_IN_PILOT

log = logging.getLogger(__name__)

#: A row that somebody has open is waited for so long.
LOCK_TIMEOUT = "3s"


class _Changed(Exception):
    """Somebody has changed a row since it was looked at."""


def take_back(connection: psycopg.Connection, run: Run, realm_id: str, record: Written, asked_by: str) -> str | None:
    """Put its rows back, with link and audit, and leave it alone from now on; commits. Why not, if it cannot be."""
    connection.commit()
    try:
        with connection.transaction():
            _carry_out(connection, run, realm_id, record, asked_by)
    except _Changed:
        return CHANGED_IN_PILOT
    except (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.LockNotAvailable) as error:
        log.warning("%s %s cannot be put back: %s", record.entity, record.record_id, error)
        return "Pilot does not take it back: other records use it, or somebody has it open."
    return None


def _carry_out(connection: psycopg.Connection, run: Run, realm_id: str, record: Written, asked_by: str) -> None:
    leave_alone(connection, realm_id, record, asked_by, in_lms=record.first != "create")
    audit.announce(connection, LOCK_TIMEOUT)
    row = connection.execute("select qbo_sync.rows_as_left(%s, true)", [list(record.entries)]).fetchone()
    if row is None or not row[0]:
        raise _Changed
    connection.execute("select qbo_sync.undo_rows(%s)", [list(record.entries)])
    if record.first in ("create", "adopt") and record.record_id and record.linked_to == record.qbo_id:
        links.remove(connection, realm_id, RecordKey(record.entity, record.record_id))
    elif record.base and record.record_id and record.linked_to:
        # Whenever somebody asks for it, QuickBooks' change is news again.
        key = RecordKey(record.entity, record.record_id)
        links.store(connection, realm_id, key, record.linked_to, record.base, record.link_token)
    entry = audit.Entry(
        side="lms",
        realm_id=realm_id,
        entity=record.entity,
        record_id=record.record_id,
        qbo_id=record.qbo_id,
        billing_lab_id=record.billing_lab_id,
        operation="delete" if record.first == "create" else "create" if record.last == "delete" else "update",
        before=record.after,
        after=record.before,
        undo_of=record.entry_id,
    )
    audit.keep_announced(connection, run, entry, only_if_written=False)
