"""The sync error table: one row per record that cannot be synced, or was synced with a loss; it resolves by itself.

It is tried again when the record changes, when one of its causes changes (rule 8.3), and, for whatever nobody thought
of, after ever longer times.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg

from include.company.runtime import Run
from include.lms.database import jsonb
from include.model.problem import PREFERENCES, Problem
from include.model.record import Direction, Operation, RecordKey

#: Should a cause go away unseen: tried again after an hour, then ever more slowly, to a day.
FIRST_RETRY = timedelta(hours=1)
SLOWEST_RETRY = timedelta(hours=24)

#: More applied than is open (6000): another record may be about to free it, so it is tried again sooner.
SOON_RETRY = timedelta(minutes=1)

#: Records of ours that a bookkeeper knows as something else.
_PUBLIC = {"special_item": "product", "credit_application": "credit"}

#: Time alone ends none of these: a change, a link or a person does, and each of those marks the record by itself.
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

#: The cause of what only trying tells: each capture tries one error of the code.
UNSEEN = "Unseen"

#: How long an error rests before it is tried for all of its code.
_REST = timedelta(minutes=4)

_NAME_HOLDERS = ("Customer", "Vendor", "Employee", "Item")
_LISTS = ("Customer", "Item", "Account")

#: Causes beside the records that a problem names, by code. Here with none: those records are all, or only the record
#: itself can end it. Any other refusal of QuickBooks' may have a cause that no capture sees.
_CAUSES: Mapping[str, tuple[str, ...]] = {
    "name_taken": _NAME_HOLDERS,
    "qbo_6240": _NAME_HOLDERS,
    "foreign_currency": ("Customer",),
    "inactive_reference": _LISTS,
    "qbo_610": (*_LISTS, UNSEEN),
    "qbo_2500": (*_LISTS, UNSEEN),
    "qbo_6430": ("Account", UNSEEN),
    "qbo_6540": ("Deposit",),
    "books_closed": (PREFERENCES,),
    "qbo_6200": (PREFERENCES, UNSEEN),
    "qbo_6210": (PREFERENCES, UNSEEN),
    "not_taken_over": (PREFERENCES, UNSEEN),
    "refused_by_lms": (UNSEEN,),
    "qbo_620": (),
    "qbo_6140": (),
    "qbo_2040": (),
    "qbo_2050": (),
    "qbo_2210": (),
    "qbo_6070": (),
}

_REPORT = Path(__file__).with_name("report_error.sql").read_bytes()
_RESTORE_CONFLICT = Path(__file__).with_name("restore_conflict.sql").read_bytes()
_RETRY_UNSEEN = Path(__file__).with_name("retry_unseen.sql").read_bytes()
_RETRY_OTHERS = Path(__file__).with_name("retry_others.sql").read_bytes()


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
    passed = _unseen_before(connection, place, problem.code)
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
            "causes": sorted({*problem.causes, *_causes_of(problem.code)}),
            "never": problem.code in NEVER_RETRIED or problem.code.startswith("conflict"),
            "first": SOON_RETRY if problem.code == "qbo_6000" else FIRST_RETRY,
            "slowest": SLOWEST_RETRY,
        },
    )
    if passed:
        _retry_others(connection, place.realm_id, passed)


def _causes_of(code: str) -> tuple[str, ...]:
    return _CAUSES.get(code, (UNSEEN,) if code.startswith(("qbo_", "http_")) else ())


def _unseen_before(connection: psycopg.Connection, place: ErrorPlace, code: str) -> str | None:
    """The code that the record's error had until now, if its cause was unseen and it is another one now."""
    row = connection.execute(
        "select error_code from qbo_sync.sync_error where realm_id = %s and direction = %s and record_entity = %s"
        "   and record_id = %s and status = 'open' and error_code <> %s and causes @> array[%s]",
        [place.realm_id, place.direction, place.key.entity, place.key.id, code, UNSEEN],
    ).fetchone()
    return row[0] if row else None


def that_have_one(
    connection: psycopg.Connection, realm_id: str, direction: Direction, keys: Sequence[RecordKey]
) -> set[RecordKey]:
    """Those of the records that have an error which is not resolved: mostly none.

    The rows of all of them stay locked, in the order of their ids, whatever order they are written in then.
    """
    rows = connection.execute(
        "select record_entity, record_id, status <> 'resolved' from qbo_sync.sync_error e"
        "  join unnest(%s::text[], %s::text[]) as asked (entity, id)"
        "    on e.record_entity = asked.entity and e.record_id = asked.id"
        " where e.realm_id = %s and e.direction = %s order by e.id for update of e",
        [[key.entity for key in keys], [key.id for key in keys], realm_id, direction],
    )
    return {RecordKey(entity, record_id) for entity, record_id, unresolved in rows if unresolved}


def resolve(
    connection: psycopg.Connection, realm_id: str, direction: Direction, key: RecordKey, *, ignored: bool = True
) -> None:
    """The record is in step, or (not `ignored`: what is ignored stays so) no longer an error of its own.

    A conflict stays until a person who has read it closes it. One that a later error covered is shown again.
    """
    where = {"realm": realm_id, "direction": direction, "entity": key.entity, "id": key.id, "ignored": ignored}
    connection.execute(_RESTORE_CONFLICT, where)
    resolved = connection.execute(
        "update qbo_sync.sync_error set status = 'resolved', resolved_at = clock_timestamp(), retry_at = null"
        " where realm_id = %(realm)s and direction = %(direction)s and record_entity = %(entity)s"
        "   and record_id = %(id)s and (status = 'open' or status = 'ignored' and %(ignored)s)"
        "   and error_code not like 'conflict%%' returning error_code, causes",
        where,
    ).fetchone()
    if resolved and UNSEEN in resolved[1]:
        _retry_others(connection, realm_id, resolved[0])


def _retry_others(connection: psycopg.Connection, realm_id: str, code: str) -> None:
    """What was the company's trouble is over. (Of 6000 each record has its own.)"""
    if code == "qbo_6000":
        return
    connection.execute(_RETRY_OTHERS, {"realm": realm_id, "code": code, "unseen": UNSEEN})


def retry_unseen(connection: psycopg.Connection, realm_ids: Sequence[str]) -> int:
    """Have one error of each company and code tried whose cause no capture can see; how many."""
    return connection.execute(_RETRY_UNSEEN, {"realms": list(realm_ids), "unseen": UNSEEN, "rest": _REST}).rowcount


def has_cause(connection: psycopg.Connection, realm_id: str, cause: str) -> bool:
    """Whether an open error of the company has this cause."""
    row = connection.execute(
        "select 1 from qbo_sync.sync_error where realm_id = %s and status = 'open' and causes @> array[%s] limit 1",
        [realm_id, cause],
    ).fetchone()
    return row is not None
