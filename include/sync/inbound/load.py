"""The load step from QuickBooks to the LMS: each record in one transaction, with its link, base, outcome and error.

The transaction says of itself that it is the pipeline's, so that the LMS's triggers do not report it (rule "no echo").
"""

import logging

import psycopg

from include.company.company import Company, read_company
from include.company.runtime import Runtime
from include.lms.database import exclusive
from include.model.problem import Problem
from include.model.record import Direction, Operation, Outcome, RecordKey
from include.sync import marks, staging
from include.sync.inbound.rules import Applied, InboundFlow, InboundRules, LookAgain
from include.sync.inbound.surroundings import receiving, refuse_while_under_way
from include.sync.inbound.tell import Teller
from include.sync.outcomes import Settlement, settle
from include.sync.staging import StagedRecord

log = logging.getLogger(__name__)

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


def load(runtime: Runtime, flow: InboundFlow, realm_id: str) -> dict[str, int]:
    """Carry out the run's plans; the counts by outcome are returned."""
    rules = flow.rules
    with runtime.connect() as connection, exclusive(connection, realm_id, "load into the LMS", rules.entity):
        company = read_company(connection, realm_id)
        records = staging.read(connection, runtime.run, realm_id, rules.entity)
        connection.commit()
        for record in records:
            if not company.lets_flow(_DIRECTION, record.entity, record.billing_lab_id):
                continue  # the lab's settings have stopped it since it was extracted: the mark stays
            _one(connection, runtime, company, rules, record)
        _settle_leftovers(connection, runtime, company, rules)
        summary = staging.keep_summary(connection, runtime.run, realm_id)
        connection.commit()
    return summary


def _one(
    connection: psycopg.Connection, runtime: Runtime, company: Company, rules: InboundRules, record: StagedRecord
) -> None:
    """One record, in a transaction of its own: what stops it stops nothing else."""
    try:
        with connection.transaction():
            connection.execute("set local qbo_sync.origin = 'pipeline'")
            connection.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'".encode())
            if _take(connection, company.realm_id, record):
                _carry_out(connection, runtime, company, rules, record)
    except LookAgain as reason:
        log.info("%s %s: %s", record.entity, record.record_id, reason)
        _wait(connection, runtime, company, record, reason.seconds)
    except _SOMEBODY_ELSE as error:
        # Somebody else is at it, or was quicker (a number or a link taken meanwhile): the next plan sees what is so.
        log.info("%s %s: %s", record.entity, record.record_id, type(error).__name__)
        _wait(connection, runtime, company, record, LOCKED_SECONDS)
    except (psycopg.DataError, psycopg.IntegrityError, psycopg.errors.RaiseException) as error:
        log.warning("%s %s: the LMS refuses it: %s", record.entity, record.record_id, error)
        with connection.transaction():
            if _take(connection, company.realm_id, record):
                _fail(connection, runtime, company, rules, record, _refused(rules.noun(record), error))


def _take(connection: psycopg.Connection, realm_id: str, record: StagedRecord) -> bool:
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


def _carry_out(
    connection: psycopg.Connection, runtime: Runtime, company: Company, rules: InboundRules, record: StagedRecord
) -> None:
    if record.action == "wait":
        waits_for = record.plan["waits_for_invoice"]
        if waits_for:
            _settle(connection, runtime, company, record, "waiting", waits_for=RecordKey("invoice", waits_for))
        else:
            _settle_waiting(connection, runtime, company, record, record.plan["wait_seconds"])
        return
    if record.action != "nothing":
        refuse_while_under_way(connection, company, record)
    if record.action == "fail":
        problem = record.problem
        if problem is None:
            raise RuntimeError("a failure has a problem")
        _fail(connection, runtime, company, rules, record, problem)
    elif record.action == "nothing" and (record.link is None or record.plan["left_alone"]):
        _settle(connection, runtime, company, record, "unchanged")
    else:
        _conclude(connection, runtime, company, rules, record, rules.apply(connection, company, record))


def _conclude(
    connection: psycopg.Connection,
    runtime: Runtime,
    company: Company,
    rules: InboundRules,
    record: StagedRecord,
    applied: Applied,
) -> None:
    teller = _teller(connection, runtime, company, rules, record)
    _settle(connection, runtime, company, record, applied.outcome)
    if record.problem:
        teller.tell(record.problem, applied.operation, applied.lms_id)
    for qbo_id in applied.look_again:
        marks.mark_one(connection, company.realm_id, _DIRECTION, "invoice", qbo_id, _lab(company, record))


def _fail(
    connection: psycopg.Connection,
    runtime: Runtime,
    company: Company,
    rules: InboundRules,
    record: StagedRecord,
    problem: Problem,
) -> None:
    teller = _teller(connection, runtime, company, rules, record)
    # Settled without the problem: the teller writes the error, with both ids.
    _settle(connection, runtime, company, record, "failed")
    teller.tell(problem, _operation(record), record.link["record_id"] if record.link else None)


def _teller(
    connection: psycopg.Connection, runtime: Runtime, company: Company, rules: InboundRules, record: StagedRecord
) -> Teller:
    return Teller(
        connection,
        runtime.run,
        company.realm_id,
        record.key,
        billing_lab_id=_lab(company, record),
        document_number=rules.document_number(record),
    )


def _operation(record: StagedRecord) -> Operation:
    return "create" if record.link is None else "update"


def _lab(company: Company, record: StagedRecord) -> int | None:
    """Whose record it is, or will be."""
    if record.lms:
        return int(record.lms["billing_lab_id"])
    receiver = receiving(company)
    return record.billing_lab_id or (receiver.billing_lab_id if receiver else None)


def _settle(
    connection: psycopg.Connection,
    runtime: Runtime,
    company: Company,
    record: StagedRecord,
    outcome: Outcome,
    **details: object,
) -> None:
    settle(
        connection,
        runtime.run,
        Settlement(
            realm_id=company.realm_id,
            direction=_DIRECTION,
            key=record.key,
            generation=record.generation,
            billing_lab_id=_lab(company, record),
            outcome=outcome,
            **details,  # type: ignore[arg-type]
        ),
    )


def _wait(
    connection: psycopg.Connection, runtime: Runtime, company: Company, record: StagedRecord, seconds: float
) -> None:
    with connection.transaction():
        if _take(connection, company.realm_id, record):
            _settle_waiting(connection, runtime, company, record, seconds)


def _settle_waiting(
    connection: psycopg.Connection, runtime: Runtime, company: Company, record: StagedRecord, seconds: float
) -> None:
    """For so long, and the longer the longer it has been waiting: a lock may be held for hours."""
    row = connection.execute(
        "select extract(epoch from clock_timestamp() - marked_at)::float from qbo_sync.change_mark"
        " where realm_id = %s and direction = %s and entity = %s and record_id = %s",
        [company.realm_id, _DIRECTION, record.entity, record.record_id],
    ).fetchone()
    seconds = max(seconds, min(row[0] / 4, LONGEST_WAIT) if row else 0.0)
    _settle(connection, runtime, company, record, "waiting", wait_seconds=seconds)


def _refused(noun: str, error: psycopg.Error) -> Problem:
    return Problem(
        code="refused_by_lms",
        message=f"{noun} from QuickBooks does not fit into Pilot: {error.diag.message_primary or 'it is refused'}.",
        resolution="Correct it in QuickBooks, or ask support and quote the details.",
        detail={"sqlstate": error.sqlstate, "constraint": error.diag.constraint_name},
    )


def _settle_leftovers(connection: psycopg.Connection, runtime: Runtime, company: Company, rules: InboundRules) -> None:
    """What changed while it was in hand waits for the next run: its mark is still there, with what is new."""
    marks.lock_to_settle(connection)
    for record in staging.read(connection, runtime.run, company.realm_id, rules.entity):
        marked = connection.execute(
            "update qbo_sync.change_mark set extracted_at = null"
            " where realm_id = %s and direction = %s and entity = %s and record_id = %s returning 1",
            [company.realm_id, _DIRECTION, record.entity, record.record_id],
        ).fetchone()
        record.outcome = "waiting" if marked else "unchanged"
        staging.write(connection, runtime.run, company.realm_id, [record], ["outcome"])
