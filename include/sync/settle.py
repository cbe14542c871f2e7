"""Settling records: outcome, mark and error, in one transaction of the caller's. One place, both directions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg

from include.company.runtime import Run
from include.model.problem import Problem
from include.model.record import Direction, Operation, Outcome, RecordKey
from include.sync import errors


@dataclass(frozen=True, kw_only=True, slots=True)
class Settlement:
    """How one record ended."""

    realm_id: str
    direction: Direction
    key: RecordKey
    generation: int
    billing_lab_id: int | None
    outcome: Outcome
    operation: Operation = "create"
    lms_id: str | None = None
    qbo_id: str | None = None
    document_number: str | None = None
    #: What the bookkeeper is told: why it failed, or what was lost although it is done.
    problem: Problem | None = None
    #: waiting: for this record to be linked (or for a person, mass_delete.py), or (None) for `wait_seconds`.
    waits_for: tuple[str, str] | None = None
    wait_seconds: float = 0.0
    #: waiting: until then, instead.
    wait_until: datetime | None = None


def settle(connection: psycopg.Connection, run: Run, ends: Sequence[Settlement]) -> None:
    """Record the outcomes, take the marks away unless a record was marked again meanwhile, report or resolve.

    All of one company and direction.
    """
    if not ends:
        return
    keys = [end.key for end in ends]
    failed_before = errors.that_have_one(connection, ends[0].realm_id, ends[0].direction, keys)
    # One round trip for all of them.
    with connection.pipeline():
        for end in ends:
            record_outcome(connection, run, end)
    for end in ends:
        if end.problem and end.outcome != "waiting":
            errors.report(connection, run, _place(end), end.problem)
        elif end.key in failed_before and (end.outcome != "waiting" or end.waits_for or end.wait_until):
            # A try that came to nothing says nothing about the error.
            errors.resolve(connection, end.realm_id, end.direction, end.key, ignored=end.outcome != "waiting")


def record_outcome(connection: psycopg.Connection, run: Run, end: Settlement) -> None:
    """Outcome and mark of one record: a part of `settle`."""
    where = [end.realm_id, end.direction, end.key.entity, end.key.id]
    connection.execute(
        "insert into qbo_sync.sync_outcome (realm_id, direction, entity, record_id, outcome, dag_id, run_id)"
        " values (%s, %s, %s, %s, %s, %s, %s)",
        [*where, end.outcome, run.dag_id, run.run_id],
    )
    connection.execute(
        "update qbo_sync.staged_record set outcome = %s"
        " where dag_id = %s and run_id = %s and realm_id = %s and entity = %s and record_id = %s"
        "   and generation = %s and outcome is null",
        [end.outcome, run.dag_id, run.run_id, end.realm_id, end.key.entity, end.key.id, end.generation],
    )
    if end.outcome == "waiting":
        _wait(connection, end)
    else:
        connection.execute(
            "delete from qbo_sync.change_mark"
            " where realm_id = %s and direction = %s and entity = %s and record_id = %s and generation = %s",
            [*where, end.generation],
        )


def _wait(connection: psycopg.Connection, end: Settlement) -> None:
    connection.execute(
        # A new generation: what another run plans for this record is void, it has to be extracted again.
        "update qbo_sync.change_mark set extracted_at = null, waits_for_entity = %s, waits_for_id = %s,"
        " attempt_after = coalesce(%s, clock_timestamp() + make_interval(secs => %s)),"
        " waits_since = clock_timestamp(),"
        " generation = nextval('qbo_sync.mark_generation')"
        " where realm_id = %s and direction = %s and entity = %s and record_id = %s and generation = %s",
        [
            *(end.waits_for or (None, None)),
            end.wait_until,
            end.wait_seconds,
            end.realm_id,
            end.direction,
            end.key.entity,
            end.key.id,
            end.generation,
        ],
    )


def _place(end: Settlement) -> errors.ErrorPlace:
    return errors.ErrorPlace(
        realm_id=end.realm_id,
        direction=end.direction,
        key=end.key,
        operation=end.operation,
        billing_lab_id=end.billing_lab_id,
        lms_id=end.lms_id,
        qbo_id=end.qbo_id,
        document_number=end.document_number,
    )
