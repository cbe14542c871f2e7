"""The load step: carry out the plan, one request at a time, and record what became of each record.

Order of events for a write (architecture, "write-ahead"):
  1. claim: the mark and the link are still what the plan was made on; the intents are committed;
  2. the request goes out;
  3. link, base, outcome and error are committed, and the intents go.
A worker that dies between 1 and 3 leaves intents, which the next load finishes first (recover.py). One load at a time
works on an entity of a company: the others wait at the lock.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from threading import Event

import psycopg

from include.company.company import Company, read_company
from include.company.runtime import Runtime
from include.lms.database import exclusive
from include.model.record import LISTS
from include.qbo.client import QboClient
from include.qbo.errors import OutcomeUnknown, RequestRefused
from include.sync import intents, links, marks, staging, sync_errors
from include.sync.conclude import Conclusion, conclude, look_again_inbound
from include.sync.entity.rules import EntityRules, Json
from include.sync.flows import Flow
from include.sync.intents import Intent
from include.sync.made_unseen import end_doubt
from include.sync.outcomes import Settlement, settle
from include.sync.recover import recover
from include.sync.staging import StagedRecord

_WRITES = ("create", "update", "delete")

#: Records settled in one transaction: the LMS's changes are not dispatched meanwhile.
_AT_ONCE = 100

#: A record that changed while it was in hand is looked at again after this many seconds.
SOON = 0.5


def load(runtime: Runtime, flow: Flow, realm_id: str) -> dict[str, int]:
    """Carry out the run's plans; the counts by outcome are returned.

    Raises what the client raises when QuickBooks is down or the grant is gone: the records not yet written keep
    their marks, and a retry of the task goes on where this one stopped.
    """
    with runtime.connect() as connection, exclusive(connection, realm_id, "load", flow.names[0]):
        company = read_company(connection, realm_id)
        with runtime.client(realm_id) as client:
            lost = LostAnswers(recover(connection, client, runtime.run, flow))
            for wave in flow.waves:
                rules = wave.rules
                staged = staging.read(connection, runtime.run, realm_id, rules.entity)
                records = [record for record in staged if wave.wants(record) and _still_flows(record, company)]
                _settle_unwritten(connection, runtime, company, rules, records)
                # Deletes first, they free numbers and money; then what may go side by side.
                deletes = [record for record in records if record.action == "delete"]
                others = [record for record in records if record.action in ("update", "create")]
                _write_all(connection, client, runtime, company, rules, deletes, lost)
                if rules.parallel == 1 or len(others) <= rules.batch_size:
                    _write_all(connection, client, runtime, company, rules, others, lost)
                else:
                    _write_parallel(runtime, company, rules, others, lost)
        _settle_leftovers(connection, runtime, company, flow)
        summary = staging.keep_summary(connection, runtime.run, realm_id)
        connection.commit()
    lost.raise_first()
    return summary


def _still_flows(record: StagedRecord, company: Company) -> bool:
    """Not a transaction that the lab's settings have stopped since it was extracted: its mark stays."""
    return record.entity in LISTS or company.lets_flow(record.direction, record.entity, record.billing_lab_id)


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


def _groups(records: Sequence[StagedRecord], rules: EntityRules) -> Iterator[list[StagedRecord]]:
    """Records that go out together: of one operation, at most a batch."""
    for operation in ("delete", "update", "create"):
        same = [record for record in records if record.action == operation]
        for start in range(0, len(same), rules.batch_size):
            yield same[start : start + rules.batch_size]


def _write_all(
    connection: psycopg.Connection,
    client: QboClient,
    runtime: Runtime,
    company: Company,
    rules: EntityRules,
    records: Sequence[StagedRecord],
    lost: LostAnswers,
) -> None:
    """One request after the other."""
    for group in _groups(records, rules):
        try:
            _write(connection, client, runtime, company, rules, group)
        except OutcomeUnknown as error:
            lost.add(error)


def _write_parallel(
    runtime: Runtime, company: Company, rules: EntityRules, records: Sequence[StagedRecord], lost: LostAnswers
) -> None:
    """Several requests under way at once, each worker with connections of its own; after a failure none starts."""
    queue: SimpleQueue[list[StagedRecord]] = SimpleQueue()
    for group in _groups(records, rules):
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
                    _write_all(connection, client, runtime, company, rules, group, lost)
                except BaseException:
                    stop.set()
                    raise

    with ThreadPoolExecutor(rules.parallel) as pool:
        for done in [pool.submit(work) for _ in range(rules.parallel)]:
            done.result()


def _write(
    connection: psycopg.Connection,
    client: QboClient,
    runtime: Runtime,
    company: Company,
    rules: EntityRules,
    group: Sequence[StagedRecord],
) -> None:
    """One request: claim, send, conclude. A batch that is refused as a whole goes out record by record."""
    ready = _claim(connection, runtime, company, rules, group)
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
            _write(connection, client, runtime, company, rules, [record])
        return
    where = Conclusion(run=runtime.run, realm_id=company.realm_id, direction=group[0].direction, rules=rules)
    conclude(connection, client, where, ready, results)


def _claim(
    connection: psycopg.Connection,
    runtime: Runtime,
    company: Company,
    rules: EntityRules,
    group: Sequence[StagedRecord],
) -> list[Intent]:
    """The intents of those records that are still as they were planned, with what they refer to linked."""
    marks.lock_to_settle(connection)
    canonical = {r.key: rules.from_plain(r.lms) for r in group if r.lms and r.action != "delete"}
    ids = links.qbo_ids(connection, company.realm_id, {k for c in canonical.values() for k in rules.references(c)})
    ready = []
    for record in group:
        if not _still_valid(connection, company.realm_id, record):
            continue
        missing = (
            [k for k in rules.references(canonical[record.key]) if k not in ids] if record.key in canonical else []
        )
        if missing:
            settle(connection, runtime.run, _end(company, record, "waiting", waits_for=missing[0]))
            continue
        body = rules.body(record, ids, company)
        _note_beside(connection, runtime, company, record)
        ready.append(_intent(record, rules, body))
    return ready


def _note_beside(connection: psycopg.Connection, runtime: Runtime, company: Company, record: StagedRecord) -> None:
    """What a write leaves behind beside its outcome: news of a conflict, and a mark for what could not go yet."""
    if record.problem:
        place = sync_errors.ErrorPlace(
            realm_id=company.realm_id,
            direction=record.direction,
            key=record.key,
            operation=record.action,  # type: ignore[arg-type]  # one of _WRITES
            billing_lab_id=record.billing_lab_id,
            qbo_id=record.plan["qbo_id"],
        )
        sync_errors.record(connection, runtime.run, place, record.problem)
    if record.plan.get("waits_for"):
        entity, record_id = record.plan["waits_for"]
        marks.keep_waiting(connection, company.realm_id, record, entity, record_id)


def _still_valid(connection: psycopg.Connection, realm_id: str, record: StagedRecord) -> bool:
    """Whether neither the mark nor the link has changed since the extract, and no earlier write is unfinished.

    The mark's row stays locked.
    """
    row = connection.execute(
        "select 1 from qbo_sync.change_mark m"
        "  left join qbo_sync.linked_record l on l.realm_id = m.realm_id and l.entity = m.entity"
        "                                    and l.record_id = m.record_id"
        " where m.realm_id = %s and m.direction = %s and m.entity = %s and m.record_id = %s and m.generation = %s"
        "   and l.version is not distinct from %s"
        "   and not exists (select 1 from qbo_sync.write_intent i where i.realm_id = m.realm_id"
        "                      and i.entity = m.entity and i.record_id = m.record_id)"
        " for update of m",
        [realm_id, record.direction, record.entity, record.record_id, record.generation, record.link_version],
    ).fetchone()
    return row is not None


def _intent(record: StagedRecord, rules: EntityRules, body: Json) -> Intent:
    return Intent(
        entity=record.entity,
        record_id=record.record_id,
        billing_lab_id=record.billing_lab_id,
        generation=record.generation,
        operation=record.action,  # type: ignore[arg-type]  # one of _WRITES, or it would not be in a group
        resource=rules.resource,
        payload=body,
        base=record.lms or (record.link or {}).get("base", {}),
    )


def _settle_unwritten(
    connection: psycopg.Connection,
    runtime: Runtime,
    company: Company,
    rules: EntityRules,
    records: Sequence[StagedRecord],
) -> None:
    """Adopted, unchanged, waiting and failed records need no request."""
    unwritten = [record for record in records if record.action not in _WRITES]
    for position, record in enumerate(unwritten):
        if position % _AT_ONCE == 0:
            connection.commit()
            marks.lock_to_settle(connection)
        if not _still_valid(connection, company.realm_id, record):
            continue
        if record.action == "adopt":
            _adopt(connection, runtime, company, rules, record)
        elif record.action == "wait":
            entity, record_id = record.plan["waits_for"]
            waits_for = record.key._replace(entity=entity, id=record_id)
            settle(connection, runtime.run, _end(company, record, "waiting", waits_for=waits_for))
        elif record.action == "rebase":
            link = record.link or {}
            links.store(
                connection, company.realm_id, record.key, link["qbo_id"], record.lms or {}, record.plan["sync_token"]
            )
            settle(connection, runtime.run, _end(company, record, "unchanged"))
        elif record.action == "unlink":
            links.remove(connection, company.realm_id, record.key)
            settle(connection, runtime.run, _end(company, record, "unchanged"))
        elif record.action == "fail":
            number = rules.document_number(record.lms or {})
            settle(
                connection,
                runtime.run,
                _end(company, record, "failed", problem=record.problem, document_number=number),
            )
        else:
            if record.plan.get("hand_over"):
                marks.mark_one(
                    connection,
                    company.realm_id,
                    "qbo_to_lms",
                    record.entity,
                    record.plan["hand_over"],
                    record.billing_lab_id,
                )
            settle(connection, runtime.run, _end(company, record, "unchanged"))
    connection.commit()


def _adopt(
    connection: psycopg.Connection,
    runtime: Runtime,
    company: Company,
    rules: EntityRules,
    record: StagedRecord,
) -> None:
    """Link what is there already. If another record took it meanwhile, look again."""
    qbo_id = record.plan["qbo_id"]
    if links.linked_ids(connection, company.realm_id, rules.same_family, [qbo_id]):
        settle(connection, runtime.run, _end(company, record, "waiting", wait_seconds=SOON))
        return
    links.store(connection, company.realm_id, record.key, qbo_id, record.lms or {}, record.plan["sync_token"])
    end_doubt(connection, company.realm_id, record.key)
    look_again_inbound(connection, company.realm_id, record.key, qbo_id, record.lms or {}, record.billing_lab_id)
    settle(connection, runtime.run, _end(company, record, "adopted", qbo_id=qbo_id))


def _settle_leftovers(connection: psycopg.Connection, runtime: Runtime, company: Company, flow: Flow) -> None:
    """What changed while it was in hand waits for the next run: its mark is still there, with what is new.

    Where the mark is gone, another run has settled the record since: there is nothing left to do.
    """
    marks.lock_to_settle(connection)
    for rules in flow.entities:
        for record in staging.read(connection, runtime.run, company.realm_id, rules.entity):
            marked = connection.execute(
                "update qbo_sync.change_mark set extracted_at = null"
                " where realm_id = %s and direction = %s and entity = %s and record_id = %s returning 1",
                [company.realm_id, record.direction, record.entity, record.record_id],
            ).fetchone()
            record.outcome = "waiting" if marked else "unchanged"
            staging.write(connection, runtime.run, company.realm_id, [record], ["outcome"])


def _end(company: Company, record: StagedRecord, outcome: str, **details: object) -> Settlement:
    operation = record.action if record.action in _WRITES else ("delete" if record.lms is None else "create")
    return Settlement(
        realm_id=company.realm_id,
        direction=record.direction,
        key=record.key,
        generation=record.generation,
        billing_lab_id=record.billing_lab_id,
        outcome=outcome,  # type: ignore[arg-type]
        operation=operation,  # type: ignore[arg-type]
        **details,  # type: ignore[arg-type]
    )
