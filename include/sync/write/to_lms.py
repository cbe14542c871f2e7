"""The writer to the LMS: each record in one transaction, with its link, base, outcome and error.

The transaction says of itself that it is the pipeline's, so that the LMS's triggers do not report it (rule 8.2).
"""

import logging
from typing import Any

import psycopg

from include.company.company import Company, read_company, read_settings
from include.company.metrics import count_records
from include.company.runtime import Runtime
from include.lms.database import exclusive
from include.model.plan import Cause
from include.model.problem import Problem
from include.model.record import Direction, Operation, Outcome, RecordKey
from include.model.staged import StagedRecord
from include.sync import audit, hand_over, links, marks, staging
from include.sync.entity.balance import CHANGED_SECONDS, refuse_while_in_flight
from include.sync.entity.base import RetryLater, ToLms, Written
from include.sync.flows import Flow
from include.sync.lab import has_taker, is_on_for, is_still_on
from include.sync.mass_delete import A_PERSON
from include.sync.plan.order import in_write_order
from include.sync.plan.problems import refused_by_lms
from include.sync.planning import plan_one
from include.sync.settle import Settlement, settle
from include.sync.write import locks

log = logging.getLogger(__name__)

Sync = ToLms[Any, Any, Any, Any]
Row = StagedRecord[Any, Any, Any, Any]

_DIRECTION: Direction = "qbo_to_lms"

#: A row that the LMS holds in a transaction of its own is waited for so long (PostgreSQL's form), …
LOCK_TIMEOUT = "2s"
#: … and tried again after so many seconds.
LOCKED_SECONDS = 5.0
LONGEST_WAIT = 300.0

_SOMEBODY_ELSE = (
    psycopg.errors.LockNotAvailable,
    psycopg.errors.DeadlockDetected,
    psycopg.errors.UniqueViolation,
    psycopg.errors.ForeignKeyViolation,
)


def load(runtime: Runtime, flow: Flow, realm_id: str) -> dict[str, int]:
    """Carry out the run's plans towards the LMS; the counts by outcome are returned."""
    for sync in flow.entities:
        if not isinstance(sync, ToLms):
            raise TypeError(f"{sync.entity} is not written to the LMS")
        with runtime.connect() as connection, exclusive(connection, realm_id, *locks.to_lms(sync.entity)):
            company = read_company(connection, realm_id)
            records = staging.read(connection, runtime.run, realm_id, sync.entity, sync.row)
            connection.commit()
            for record in in_write_order(records):
                if is_still_on(company, record):
                    _one(connection, runtime, company, sync, record)
                # else the lab's settings have stopped it since it was extracted: its mark stays
            marks.lock_to_settle(connection)
            staging.settle_leftovers(connection, runtime.run, realm_id, _DIRECTION, sync.entity, sync.row)
            summary = staging.keep_summary(connection, runtime.run, realm_id)
            connection.commit()
    count_records(runtime.metrics, runtime.run.dag_id, realm_id, summary)
    return summary


def _one(connection: psycopg.Connection, runtime: Runtime, company: Company, sync: Sync, record: Row) -> None:
    """One record, in a transaction of its own: what stops it stops nothing else."""
    try:
        with connection.transaction():
            audit.announce(connection, LOCK_TIMEOUT)
            if _take(connection, company.realm_id, record):
                _carry_out(connection, runtime, company, sync, record)
    except RetryLater as reason:
        log.info("%s %s: %s", record.entity, record.record_id, reason)
        _wait(connection, runtime, company, sync, record, reason.seconds)
    except _SOMEBODY_ELSE as error:
        # Somebody else holds it, or was quicker (a number or a link taken meanwhile): the next plan sees what is so.
        log.info("%s %s: %s", record.entity, record.record_id, type(error).__name__)
        _wait(connection, runtime, company, sync, record, LOCKED_SECONDS)
    except (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.RaiseException) as error:
        log.warning("%s %s: the LMS refuses it: %s", record.entity, record.record_id, error)
        with connection.transaction():
            if _take(connection, company.realm_id, record):
                problem = _refused(sync.subject(record).noun, error)
                _settle(connection, runtime, company, sync, record, "failed", problem=problem)


def _take(connection: psycopg.Connection, realm_id: str, record: Row) -> bool:
    """Whether neither mark nor link has changed since the extract. The mark's row stays locked."""
    marks.lock_to_settle(connection)
    row = connection.execute(
        "select 1 from qbo_sync.change_mark m"
        "  left join qbo_sync.linked_record l on l.realm_id = m.realm_id and l.entity = m.entity"
        "                                    and l.qbo_id = m.record_id"
        " where m.realm_id = %s and m.direction = %s and m.entity = %s and m.record_id = %s and m.generation = %s"
        "   and l.version is not distinct from %s for update of m",
        [realm_id, _DIRECTION, record.entity, record.record_id, record.generation, record.link_version],
    ).fetchone()
    return row is not None


def _carry_out(connection: psycopg.Connection, runtime: Runtime, company: Company, sync: Sync, record: Row) -> None:
    plan = record.planned
    ours = hand_over.is_for_this_run(record, plan)
    lab = sync.lab_of(record) if record.link else None
    if lab is not None and not is_on_for(company, _DIRECTION, record.entity, lab):
        # Marked before it was linked, or moved since: its own lab's settings decide, and they have stopped it.
        marks.leave_to_lab(connection, company.realm_id, record, lab)
        _settle_waiting(connection, runtime, company, sync, record, CHANGED_SECONDS)
        return
    if not has_taker(company, record):
        # Its mark may name a lab that received it once: it would be due for that lab, and nobody takes it.
        marks.leave_to_lab(connection, company.realm_id, record, None)
        _settle_waiting(connection, runtime, company, sync, record, CHANGED_SECONDS)
        return
    if ours and plan.step == "wait":
        if plan.waits_for or plan.cause is Cause.MANY_AT_ONCE:
            waits_for = plan.waits_for or A_PERSON
            if plan.cause is Cause.POSSIBLE_DUPLICATE:
                known = record.known
                hand_over.ask_about_duplicate(connection, company.realm_id, known.duplicate_in_lms, known.duplicate)
            _settle(connection, runtime, company, sync, record, "waiting", waits_for=waits_for)
        else:
            _settle_waiting(connection, runtime, company, sync, record, plan.wait_seconds)
        return
    if plan.step == "nothing" and _settings_have_changed(connection, company, sync, record):
        _settle_waiting(connection, runtime, company, sync, record, CHANGED_SECONDS)
        return
    if record.link or (plan.step != "nothing" and ours):
        # Also where nothing is to do: the link would know a version that what is on its way does not.
        fetched = record.fetched
        refuse_while_in_flight(connection, company.realm_id, record, fetched.customer_id if fetched else None)
    if ours and plan.step == "fail":
        _settle(connection, runtime, company, sync, record, "failed", problem=record.problem)
    elif plan.step == "nothing" and (record.link is None or plan.cause in (Cause.BEFORE_START_DATE, Cause.LEFT_ALONE)):
        # Then not even this version of QuickBooks' counts as seen: the date may move, somebody may ask for the record.
        if record.link and record.lms_id and plan.cause is Cause.BEFORE_START_DATE:
            links.forget_version(connection, company.realm_id, RecordKey(record.entity, record.lms_id))
        _settle(connection, runtime, company, sync, record, "unchanged")
    else:
        if not ours:
            hand_over.hand_over(connection, company.realm_id, record)
            record.plan, record.problems = hand_over.left_to_the_other_side(plan, sync.skipped(record))
        _done(connection, runtime, company, sync, record, sync.write(connection, company, record))


def _settings_have_changed(connection: psycopg.Connection, company: Company, sync: Sync, record: Row) -> bool:
    """Whether the settings under which nothing was to do are over, so that its mark has to stay: since it was planned,
    or while this load is at work. What changes them from now on is dispatched after this transaction."""
    if plan_one(sync, record, company).step != "nothing":
        return True
    return read_settings(connection, company.realm_id) != company.settings


def _done(
    connection: psycopg.Connection, runtime: Runtime, company: Company, sync: Sync, record: Row, written: Written
) -> None:
    if written.unsure_balances:
        hand_over.compare_balances(connection, written.unsure_balances)
    _settle(
        connection,
        runtime,
        company,
        sync,
        record,
        written.outcome,
        problem=record.problem,
        operation=written.operation,
        lms_id=written.lms_id,
    )
    _audit(connection, runtime, company, sync, record, written)


_OPERATIONS: dict[Outcome, audit.AuditedOperation] = {
    "created": "create",
    "updated": "update",
    "deleted": "delete",
    "adopted": "adopt",
}


def _audit(
    connection: psycopg.Connection, runtime: Runtime, company: Company, sync: Sync, record: Row, written: Written
) -> None:
    """What became of the record. Without a write of its own: the link that is taken back, and what of the LMS has
    changed all the same (what a payment that is gone on both sides gives back)."""
    plan, before = record.planned, sync.in_lms(record)
    unlinked = plan.step == "unlink"
    entry = audit.Entry(
        side="lms",
        realm_id=company.realm_id,
        entity=record.entity,
        record_id=written.lms_id,
        qbo_id=record.qbo_id,
        billing_lab_id=_lab(company, sync, record),
        operation="unlink" if unlinked else _OPERATIONS.get(written.outcome, "update"),
        before=record.link.base if unlinked and record.link else before,
        after=None if unlinked or written.outcome == "deleted" else sync.left_in_lms(record),
        sync_token=record.fetched.sync_token if record.fetched else None,
        base=record.link.base if record.link else None,
    )
    nothing_done = written.outcome == "unchanged" and not unlinked
    audit.keep_announced(connection, runtime.run, entry, only_if_written=nothing_done)


def _lab(company: Company, sync: Sync, record: Row) -> int | None:
    """Whose record it is, or will be."""
    receiver = company.receiving_lab
    return sync.lab_of(record) or (receiver.billing_lab_id if receiver else None)


def _operation(record: Row) -> Operation:
    return "create" if record.link is None else "update"


def _settle(
    connection: psycopg.Connection,
    runtime: Runtime,
    company: Company,
    sync: Sync,
    record: Row,
    outcome: Outcome,
    **details: Any,
) -> None:
    details = {"operation": _operation(record), "lms_id": record.lms_id, **details}
    settle(
        connection,
        runtime.run,
        [
            Settlement(
                realm_id=company.realm_id,
                direction=_DIRECTION,
                key=record.key,
                generation=record.generation,
                billing_lab_id=_lab(company, sync, record),
                outcome=outcome,
                qbo_id=record.record_id,
                document_number=sync.document_number(record),
                **details,
            )
        ],
    )


def _wait(
    connection: psycopg.Connection, runtime: Runtime, company: Company, sync: Sync, record: Row, seconds: float
) -> None:
    with connection.transaction():
        if _take(connection, company.realm_id, record):
            _settle_waiting(connection, runtime, company, sync, record, seconds)


def _settle_waiting(
    connection: psycopg.Connection, runtime: Runtime, company: Company, sync: Sync, record: Row, seconds: float
) -> None:
    """For so long, and the longer the longer it has been waiting: a lock may be held for hours."""
    row = connection.execute(
        "select extract(epoch from clock_timestamp() - marked_at)::float from qbo_sync.change_mark"
        " where realm_id = %s and direction = %s and entity = %s and record_id = %s",
        [company.realm_id, _DIRECTION, record.entity, record.record_id],
    ).fetchone()
    seconds = max(seconds, min(row[0] / 4, LONGEST_WAIT) if row else 0.0)
    _settle(connection, runtime, company, sync, record, "waiting", wait_seconds=seconds)


def _refused(noun: str, error: psycopg.Error) -> Problem:
    said = error.diag.message_primary or "it gave no reason"
    return refused_by_lms(noun, said, {"sqlstate": error.sqlstate, "constraint": error.diag.constraint_name})
