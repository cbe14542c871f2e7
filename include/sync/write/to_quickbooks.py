"""The writer to QuickBooks: carries out the plans one request at a time, and records what became of each record.

Order of events for a write ("write-ahead", docs/decisions/0004-write-ahead.md):
  1. claim: the mark and the link are still what the plan was made on; the intents are committed;
  2. the request goes out;
  3. link, base, outcome and error are committed, and the intents are removed.
A worker that dies between 1 and 3 leaves intents, which the next load finishes first (recover.py). One load at a time
works on an entity of a company: the others wait at the lock.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from threading import Event
from typing import Any

import psycopg

from include.company.company import Company, read_company
from include.company.metrics import count_records
from include.company.runtime import Runtime
from include.lms.database import exclusive
from include.model.plan import WRITES, Cause
from include.model.record import Operation, Outcome, RecordKey
from include.model.staged import StagedRecord
from include.qbo.client import QboClient
from include.qbo.errors import OutcomeUnknown, RequestRefused
from include.sync import audit, errors, hand_over, intents, links, marks, staging
from include.sync.entity.base import Json, ToQuickBooks
from include.sync.flows import Flow
from include.sync.intents import Intent
from include.sync.lab import is_still_on
from include.sync.mass_delete import A_PERSON
from include.sync.settle import Settlement, settle
from include.sync.write import locks
from include.sync.write.conclude import Conclusion, conclude
from include.sync.write.recover import recover
from include.sync.write.unconfirmed import confirm

Sync = ToQuickBooks[Any, Any, Any, Any]
Row = StagedRecord[Any, Any, Any, Any]

#: Records settled in one transaction: the LMS's changes are not dispatched meanwhile.
_AT_ONCE = 100

#: A record that changed while it was in hand is planned again after this many seconds.
SOON = 0.5


def load(runtime: Runtime, flow: Flow, realm_id: str) -> dict[str, int]:
    """Carry out the run's plans towards QuickBooks; the counts by outcome are returned.

    Raises as `steps.load`; and OutcomeUnknown in the end where an answer was lost: all else is done, and the task's
    retry finds out what became of it.
    """
    with runtime.connect() as connection, exclusive(connection, realm_id, *locks.to_quickbooks(flow)):
        company = read_company(connection, realm_id)
        with runtime.client(realm_id) as client:
            lost = LostAnswers(recover(connection, client, runtime.run, flow))
            for wave in flow.waves:
                sync = wave.sync
                if not isinstance(sync, ToQuickBooks):
                    raise TypeError(f"{sync.entity} is not written to QuickBooks")
                staged = staging.read(connection, runtime.run, realm_id, sync.entity, sync.row)
                records = [record for record in staged if wave.includes(record) and is_still_on(company, record)]
                _settle_unwritten(connection, runtime, company, sync, records)
                writes = [record for record in records if hand_over.is_for_this_run(record, record.planned)]
                # Deletes first, they free numbers and money (rule 8.5); then what may go side by side.
                deletes = [record for record in writes if record.planned.step == "delete"]
                others = [record for record in writes if record.planned.step in ("update", "create")]
                _write_all(connection, client, runtime, company, sync, deletes, lost)
                if sync.parallel == 1 or len(others) <= sync.batch_size:
                    _write_all(connection, client, runtime, company, sync, others, lost)
                else:
                    _write_parallel(runtime, company, sync, others, lost)
        marks.lock_to_settle(connection)
        for sync in flow.entities:
            staging.settle_leftovers(connection, runtime.run, realm_id, flow.direction, sync.entity, sync.row)
        summary = staging.keep_summary(connection, runtime.run, realm_id)
        connection.commit()
    count_records(runtime.metrics, runtime.run.dag_id, realm_id, summary)
    lost.raise_first()
    return summary


class LostAnswers:
    """Requests whose answer was lost. The others go on, unless it keeps happening: then QuickBooks is down."""

    #: So many make a QuickBooks that is down rather than a record that it stumbles over.
    ENOUGH = 3

    def __init__(self, earlier: Sequence[OutcomeUnknown]) -> None:
        """What an earlier load left behind counts too."""
        self._lost = list(earlier)

    def add(self, error: OutcomeUnknown) -> None:
        """One more. Raises it when it is one too many."""
        self._lost.append(error)
        if len(self._lost) >= self.ENOUGH:
            raise error

    def raise_first(self) -> None:
        """The task is not done while an answer is missing: its retry finds out."""
        if self._lost:
            raise self._lost[0]


def _groups(records: Sequence[Row], sync: Sync) -> Iterator[list[Row]]:
    """Records that go out together: of one operation, at most a batch."""
    for operation in ("delete", "update", "create"):
        same = [record for record in records if record.planned.step == operation]
        for start in range(0, len(same), sync.batch_size):
            yield same[start : start + sync.batch_size]


def _write_all(
    connection: psycopg.Connection,
    client: QboClient,
    runtime: Runtime,
    company: Company,
    sync: Sync,
    records: Sequence[Row],
    lost: LostAnswers,
) -> None:
    """One request after the other."""
    for group in _groups(records, sync):
        try:
            _write(connection, client, runtime, company, sync, group)
        except OutcomeUnknown as error:
            lost.add(error)


def _write_parallel(runtime: Runtime, company: Company, sync: Sync, records: Sequence[Row], lost: LostAnswers) -> None:
    """Several requests under way at once, each worker with connections of its own; after a failure none starts."""
    queue: SimpleQueue[list[Row]] = SimpleQueue()
    for group in _groups(records, sync):
        queue.put(group)
    stop = Event()

    def work() -> None:
        with runtime.connect() as connection, runtime.client(company.realm_id) as client:
            while not stop.is_set():
                try:
                    group = queue.get_nowait()
                except Empty:
                    return
                try:
                    _write_all(connection, client, runtime, company, sync, group, lost)
                except BaseException:
                    stop.set()
                    raise

    with ThreadPoolExecutor(sync.parallel) as pool:
        for done in [pool.submit(work) for _ in range(sync.parallel)]:
            done.result()


def _write(
    connection: psycopg.Connection,
    client: QboClient,
    runtime: Runtime,
    company: Company,
    sync: Sync,
    group: Sequence[Row],
) -> None:
    """One request: claim, send, conclude. A batch that is refused as a whole goes out record by record."""
    ready = _claim(connection, runtime, company, sync, group)
    if not ready:
        connection.commit()
        return
    request_id = intents.commit_request(connection, company.realm_id, ready)
    try:
        results = client.write([intent.write for intent in ready], request_id=request_id)
    except RequestRefused:
        intents.give_up(connection, company.realm_id, ready)
        if len(group) == 1:
            raise
        for record in group:
            _write(connection, client, runtime, company, sync, [record])
        return
    where = Conclusion(
        run=runtime.run,
        realm_id=company.realm_id,
        direction=group[0].direction,
        sync=sync,
        request_id=request_id,
    )
    conclude(connection, client, where, ready, results)


def _claim(
    connection: psycopg.Connection, runtime: Runtime, company: Company, sync: Sync, group: Sequence[Row]
) -> list[Intent]:
    """The intents of those records that are still as they were planned, with what they refer to linked."""
    marks.lock_to_settle(connection)
    needed = {record.key: _references(sync, record) for record in group}
    ids = links.qbo_ids(connection, company.realm_id, {key for keys in needed.values() for key in keys})
    ready, missing = [], []
    valid = _still_valid(connection, company.realm_id, group)
    decided = [record.key for record in valid if record.planned.problem]
    if decided:
        # Before each is written by itself: the order of locks.
        errors.that_have_one(connection, company.realm_id, group[0].direction, decided)
    for record in valid:
        unlinked = [key for key in needed[record.key] if key not in ids]
        if unlinked:
            missing.append(_end(company, record, "waiting", waits_for=unlinked[0]))
            continue
        body = sync.body(record, record.planned, ids, company)
        _note_beside(connection, runtime, company, record)
        ready.append(_intent(record, sync, body))
    settle(connection, runtime.run, missing)
    return ready


def _references(sync: Sync, record: Row) -> tuple[RecordKey, ...]:
    target = record.planned.target
    return sync.references(target) if target is not None and record.planned.step != "delete" else ()


def _note_beside(connection: psycopg.Connection, runtime: Runtime, company: Company, record: Row) -> None:
    """What a write leaves behind beside its outcome: a conflict that was decided, and a mark for what cannot go yet."""
    plan = record.planned
    if plan.problem:
        place = errors.ErrorPlace(
            realm_id=company.realm_id,
            direction=record.direction,
            key=record.key,
            operation=plan.step,  # type: ignore[arg-type]  # one of WRITES
            billing_lab_id=record.billing_lab_id,
            lms_id=record.lms_id,
            qbo_id=record.qbo_id,
        )
        errors.report(connection, runtime.run, place, plan.problem)
    if plan.waits_for:
        marks.keep_waiting(connection, company.realm_id, record, plan.waits_for)


def _still_valid(connection: psycopg.Connection, realm_id: str, records: Sequence[Row]) -> list[Row]:
    """Those of which neither the mark nor the link has changed since the extract, and no earlier write is unfinished.

    All of one entity. The marks' rows stay locked, in the order of the records' ids.
    """
    if not records:
        return []
    rows = connection.execute(
        "select m.record_id from qbo_sync.change_mark m"
        "  join unnest(%(ids)s::text[], %(generations)s::bigint[], %(versions)s::bigint[])"
        "       as planned (record_id, generation, version) using (record_id, generation)"
        " where m.realm_id = %(realm)s and m.direction = %(direction)s and m.entity = %(entity)s"
        "   and m.record_id = any(%(ids)s)"
        # one look-up for each: as a join it may read all links
        "   and (select version from qbo_sync.linked_record l where l.realm_id = m.realm_id and l.entity = m.entity"
        "           and l.record_id = m.record_id) is not distinct from planned.version"
        "   and not exists (select 1 from qbo_sync.write_intent i where i.realm_id = m.realm_id"
        "                      and i.entity = m.entity and i.record_id = m.record_id)"
        " order by length(m.record_id), m.record_id for update of m",
        {
            "realm": realm_id,
            "direction": records[0].direction,
            "entity": records[0].entity,
            "ids": [record.record_id for record in records],
            "generations": [record.generation for record in records],
            "versions": [record.link_version for record in records],
        },
    )
    valid = {record_id for (record_id,) in rows}
    return [record for record in records if record.record_id in valid]


def _intent(record: Row, sync: Sync, body: Json) -> Intent:
    agreed_before = record.link.base if record.link else None
    return Intent(
        entity=record.entity,
        record_id=record.record_id,
        billing_lab_id=record.billing_lab_id,
        generation=record.generation,
        operation=record.planned.step,  # type: ignore[arg-type]  # one of WRITES, or it would not be in a group
        resource=sync.resource,
        payload=body,
        base=record.planned.target or agreed_before,
        # A create may take the place of what was linked and is gone.
        before=None if record.planned.step == "create" else agreed_before,
    )


def _settle_unwritten(
    connection: psycopg.Connection, runtime: Runtime, company: Company, sync: Sync, records: Sequence[Row]
) -> None:
    """Records that need no request: adopted, unchanged, waiting and failed ones, and those of the other direction."""
    unwritten = [
        record
        for record in records
        if record.planned.step not in WRITES or not hand_over.is_for_this_run(record, record.planned)
    ]
    for start in range(0, len(unwritten), _AT_ONCE):
        connection.commit()
        marks.lock_to_settle(connection)
        valid = _still_valid(connection, company.realm_id, unwritten[start : start + _AT_ONCE])
        for record in valid:
            _mark_for_the_other_side(connection, company, record)
        settle(connection, runtime.run, [_end_one(connection, runtime, company, sync, record) for record in valid])
    connection.commit()


def _mark_for_the_other_side(connection: psycopg.Connection, company: Company, record: Row) -> None:
    """Before any link is written: the order of locks."""
    plan = record.planned
    if not hand_over.is_for_this_run(record, plan):
        hand_over.hand_over(connection, company.realm_id, record)
    elif plan.step == "adopt" and plan.match:
        lab = record.billing_lab_id
        hand_over.sync_back(connection, company.realm_id, record.key, plan.match.id, plan.target, lab)


def _end_one(connection: psycopg.Connection, runtime: Runtime, company: Company, sync: Sync, record: Row) -> Settlement:
    plan = record.planned
    if not hand_over.is_for_this_run(record, plan):
        pass  # it is marked there
    elif plan.step == "adopt":
        return _adopt(connection, runtime, company, sync, record)
    elif plan.step == "wait" and plan.wait_until:
        return _end(company, record, "waiting", wait_until=plan.wait_until)
    elif plan.step == "wait":
        return _end(company, record, "waiting", waits_for=plan.waits_for or A_PERSON)
    elif plan.step == "fail":
        number = sync.document_number(record)
        return _end(company, record, "failed", problem=record.problem, document_number=number)
    else:
        if plan.step == "rebase" and record.link:
            # The version stays as it was: change capture takes QuickBooks' newer one for news, and not for an echo.
            token = record.link.sync_token
            links.store(connection, company.realm_id, record.key, record.link.qbo_id, plan.target, token)
        elif plan.step == "unlink":
            links.remove(connection, company.realm_id, record.key)
            before = record.link.base if record.link else None
            _audit(connection, runtime, company, record, "unlink", record.qbo_id, before=before)
            if plan.cause is Cause.LINKED_TO_NOTHING:
                hand_over.plan_payment_again(connection, record.record_id)
    return _end(company, record, "unchanged")


def _adopt(connection: psycopg.Connection, runtime: Runtime, company: Company, sync: Sync, record: Row) -> Settlement:
    """Link what is there already. If another record took it meanwhile, plan again."""
    match = record.planned.match
    if match is None:
        raise RuntimeError("an adoption has a match")
    if links.linked_ids(connection, company.realm_id, sync.same_resource, [match.id]):
        return _end(company, record, "waiting", wait_seconds=SOON)
    base = record.planned.target
    links.store(connection, company.realm_id, record.key, match.id, base, match.sync_token)
    confirm(connection, company.realm_id, record.key)
    _audit(connection, runtime, company, record, "adopt", match.id, after=base, sync_token=match.sync_token)
    if record.planned.plan_again:
        return _end(company, record, "waiting", wait_seconds=SOON)
    return _end(company, record, "adopted", qbo_id=match.id)


def _audit(
    connection: psycopg.Connection,
    runtime: Runtime,
    company: Company,
    record: Row,
    operation: audit.AuditedOperation,
    qbo_id: str | None,
    *,
    before: Any = None,
    after: Any = None,
    sync_token: str | None = None,
) -> None:
    """Our own link was made or taken back."""
    entry = audit.Entry(
        side="qbo",
        realm_id=company.realm_id,
        entity=record.entity,
        record_id=record.record_id,
        qbo_id=qbo_id,
        billing_lab_id=record.billing_lab_id,
        operation=operation,
        before=before,
        after=after,
        sync_token=sync_token,
    )
    audit.keep(connection, runtime.run, entry)


def _end(company: Company, record: Row, outcome: Outcome, **details: Any) -> Settlement:
    return Settlement(
        realm_id=company.realm_id,
        direction=record.direction,
        key=record.key,
        generation=record.generation,
        billing_lab_id=record.billing_lab_id,
        outcome=outcome,
        operation=_operation(record),
        lms_id=record.lms_id,
        **details,
    )


def _operation(record: Row) -> Operation:
    """What is done in QuickBooks, or would be."""
    step = record.planned.step
    if step in WRITES:
        return step  # type: ignore[return-value]  # one of WRITES
    if record.lms is None:
        return "delete"
    return "update" if record.link else "create"
