"""The sync error table: one row per record that cannot be synced, resolving by itself."""

from dataclasses import dataclass
from datetime import timedelta

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

#: Problems of the LMS data alone: only a change there can mend them, and that marks the record by itself.
LOCAL_CODES = frozenset({"validation_failed"})


@dataclass(frozen=True, kw_only=True, slots=True)
class ErrorPlace:
    """Which record failed, on its way where."""

    realm_id: str
    direction: Direction
    key: RecordKey
    operation: Operation
    billing_lab_id: int | None
    qbo_id: str | None = None
    document_number: str | None = None


def record(connection: psycopg.Connection, run: Run, place: ErrorPlace, problem: Problem) -> None:
    """Open the record's error, or tell it again. An ignored one stays ignored.

    A conflict that nobody has closed yet is kept in the detail of what comes after it: with the version that lost.
    """
    connection.execute(
        "insert into qbo_sync.sync_error as e (billing_lab_id, realm_id, entity, direction, operation, lms_id, qbo_id,"
        " document_number, error_code, message, resolution, detail, dag_id, run_id, task_id, record_entity, record_id,"
        " retry_at)"
        " values (%(lab)s, %(realm)s, %(entity)s, %(direction)s, %(operation)s, %(lms_id)s, %(qbo_id)s, %(number)s,"
        " %(code)s, %(message)s, %(resolution)s, %(detail)s, %(dag)s, %(run)s, 'load', %(record_entity)s,"
        " %(record_id)s,"
        " case when %(once)s then null else clock_timestamp() + %(first)s end)"
        " on conflict (realm_id, direction, record_entity, record_id) do update"
        " set billing_lab_id = coalesce(excluded.billing_lab_id, e.billing_lab_id), operation = excluded.operation,"
        "     qbo_id = excluded.qbo_id, document_number = excluded.document_number,"
        "     error_code = excluded.error_code, message = excluded.message, resolution = excluded.resolution,"
        "     detail = excluded.detail || case"
        "         when e.status = 'open' and e.error_code like 'conflict%%'"
        "              and (e.error_code, e.detail - 'earlier') <> (excluded.error_code, excluded.detail)"
        "         then jsonb_build_object('earlier', jsonb_build_object('code', e.error_code, 'message', e.message,"
        "                                                   'resolution', e.resolution, 'detail', e.detail))"
        "         when e.status <> 'resolved' and e.detail ? 'earlier'"
        "         then jsonb_build_object('earlier', e.detail -> 'earlier')"
        "         else '{}' end,"
        "     dag_id = excluded.dag_id, run_id = excluded.run_id,"
        # Who closed a conflict has read that news, and not what comes after it.
        "     status = case when e.status = 'ignored' and (e.error_code not like 'conflict%%'"
        "                        or (e.error_code, e.detail - 'earlier') = (excluded.error_code, excluded.detail))"
        "                   then 'ignored' else 'open' end,"
        "     attempts = case e.status when 'resolved' then 1 else e.attempts + 1 end,"
        "     first_seen_at = case e.status when 'resolved' then clock_timestamp() else e.first_seen_at end,"
        "     last_seen_at = clock_timestamp(), resolved_at = null,"
        "     retry_at = case when %(once)s then null"
        "                     else clock_timestamp() + least(%(first)s * power(2, least(e.attempts, 10)), %(slowest)s)"
        "                end",
        {
            "lab": place.billing_lab_id,
            "realm": place.realm_id,
            "entity": _PUBLIC.get(place.key.entity, place.key.entity),
            "direction": place.direction,
            "operation": place.operation,
            "lms_id": int(place.key.id) if place.key.id.isdigit() else None,
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
            "once": problem.code in LOCAL_CODES or problem.code.startswith("conflict"),
            "first": SOON_RETRY if problem.code == "qbo_6000" else FIRST_RETRY,
            "slowest": SLOWEST_RETRY,
        },
    )


def resolve(
    connection: psycopg.Connection, realm_id: str, direction: Direction, key: RecordKey, *, ignored: bool = True
) -> None:
    """The record is in step, or (not `ignored`: what is ignored stays so) no longer an error of its own.

    A conflict is news, not a failure: only a person who has read it closes it. One that a later error covered is told
    again.
    """
    connection.execute(
        "update qbo_sync.sync_error set error_code = detail -> 'earlier' ->> 'code',"
        " message = detail -> 'earlier' ->> 'message', resolution = detail -> 'earlier' ->> 'resolution',"
        " detail = detail -> 'earlier' -> 'detail', retry_at = null"
        " where realm_id = %s and direction = %s and record_entity = %s and record_id = %s and status = 'open'"
        "   and error_code not like 'conflict%%' and detail ? 'earlier'",
        [realm_id, direction, key.entity, key.id],
    )
    connection.execute(
        "update qbo_sync.sync_error set status = 'resolved', resolved_at = clock_timestamp(), retry_at = null"
        " where realm_id = %s and direction = %s and record_entity = %s and record_id = %s"
        "   and (status = 'open' or status = 'ignored' and %s)"
        "   and error_code not like 'conflict%%'",
        [realm_id, direction, key.entity, key.id, ignored],
    )
