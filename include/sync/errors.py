"""The sync error table: one row per record that cannot be synced, or was synced with a loss; it resolves by itself."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg

from include.company.runtime import Run
from include.lms.database import jsonb
from include.model.problem import Problem
from include.model.record import Direction, Operation, RecordKey

#: A cause that lies in QuickBooks may go away unseen: tried again after an hour, then ever more slowly, to a day.
FIRST_RETRY = timedelta(hours=1)
SLOWEST_RETRY = timedelta(hours=24)

#: More applied than is open (6000): another record may be about to free it, so it is tried again sooner.
SOON_RETRY = timedelta(minutes=1)

#: Records of ours that a bookkeeper knows as something else.
_PUBLIC = {"special_item": "product", "credit_application": "credit"}

#: Only a change in the LMS, a link or a person can end these, and each of those marks the record by itself.
NEVER_RETRIED = frozenset(
    {
        "validation_failed",
        "customer_not_linked",
        "unsynced_application",
        "mass_delete_held",
        "name_reserved",
        "possible_duplicate",
    }
)

_REPORT = Path(__file__).with_name("report_error.sql").read_bytes()
_RESTORE_CONFLICT = Path(__file__).with_name("restore_conflict.sql").read_bytes()


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorPlace:
    """Which record failed, on its way where."""

    realm_id: str
    direction: Direction
    key: RecordKey
    operation: Operation
    billing_lab_id: int | None
    lms_id: str | None = None
    qbo_id: str | None = None
    document_number: str | None = None


def report(connection: psycopg.Connection, run: Run, place: ErrorPlace, problem: Problem) -> None:
    """Open the record's error, or report it again. An ignored one stays ignored as long as it is the same.

    A conflict that nobody has closed yet is kept in the detail of what comes after it: with the version that lost.
    """
    connection.execute(
        _REPORT,
        {
            "lab": place.billing_lab_id,
            "realm": place.realm_id,
            "entity": _PUBLIC.get(place.key.entity, place.key.entity),
            "direction": place.direction,
            "operation": place.operation,
            "lms_id": int(place.lms_id) if place.lms_id and place.lms_id.isdigit() else None,
            "qbo_id": place.qbo_id,
            "number": place.document_number,
            "code": problem.code,
            "message": problem.message,
            "resolution": problem.resolution,
            "detail": jsonb(dict(problem.detail)),
            "dag": run.dag_id,
            "run": run.run_id,
            "record_entity": place.key.entity,
            "record_id": place.key.id,
            "never": problem.code in NEVER_RETRIED or problem.code.startswith("conflict"),
            "first": SOON_RETRY if problem.code == "qbo_6000" else FIRST_RETRY,
            "slowest": SLOWEST_RETRY,
        },
    )


def resolve(
    connection: psycopg.Connection, realm_id: str, direction: Direction, key: RecordKey, *, ignored: bool = True
) -> None:
    """The record is in step, or (not `ignored`: what is ignored stays so) no longer an error of its own.

    A conflict stays until a person who has read it closes it. One that a later error covered is shown again.
    """
    where = {"realm": realm_id, "direction": direction, "entity": key.entity, "id": key.id, "ignored": ignored}
    connection.execute(_RESTORE_CONFLICT, where)
    connection.execute(
        "update qbo_sync.sync_error set status = 'resolved', resolved_at = clock_timestamp(), retry_at = null"
        " where realm_id = %(realm)s and direction = %(direction)s and record_entity = %(entity)s"
        "   and record_id = %(id)s and (status = 'open' or status = 'ignored' and %(ignored)s)"
        "   and error_code not like 'conflict%%'",
        where,
    )
