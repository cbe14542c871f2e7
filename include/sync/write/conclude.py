"""What an answer of QuickBooks means for a record: link, base, outcome, error, audit, and the end of its intent."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NewType

import psycopg

from include.company.runtime import Run
from include.model.problem import Problem, in_quickbooks
from include.model.record import Direction, Outcome, RecordKey
from include.model.typed_json import Canonical
from include.qbo import record as qbo_record
from include.qbo.client import QboClient
from include.qbo.errors import RequestRefused
from include.qbo.faults import Fault, Remedy, is_missing
from include.sync import audit, fault_words, hand_over, intents, links, marks
from include.sync.entity.base import Json, PaymentWrite, ToQuickBooks
from include.sync.intents import Intent
from include.sync.settle import Settlement, settle
from include.sync.write.beside import keep_beside
from include.sync.write.merged_customers import find_merged, forget
from include.sync.write.unconfirmed import confirm, may_have_been_done, note_unconfirmed

_DONE: dict[str, Outcome] = {"create": "created", "update": "updated", "delete": "deleted"}

#: After a stale SyncToken the record is planned anew at once; after a failure inside QuickBooks a little later.
REREAD_SECONDS = 0.5
RETRY_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Conclusion:
    """Where the answers belong."""

    run: Run
    realm_id: str
    direction: Direction
    sync: ToQuickBooks[Any, Any, Any, Any]
    request_id: str


#: For a create that cannot be found: it may yet turn up, so it is planned anew after these seconds.
NotFound = NewType("NotFound", float)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Learned:
    """What only QuickBooks can tell about a fault."""

    problem: Problem | None = None
    sync_token: str | None = None
    #: The cause of the refusal is removed: plan again at once.
    cleared: bool = False
    #: Customers that it needs and that were merged into others.
    merged_customers: Sequence[str] = ()
    #: What was written to QuickBooks to remove the cause.
    writes: Sequence[PaymentWrite] = ()


def conclude(
    connection: psycopg.Connection,
    client: QboClient,
    where: Conclusion,
    request: Sequence[Intent],
    results: Sequence[Json | Fault | NotFound],
) -> None:
    """Record all results of one request and commit.

    All or none: a request of which only a part is left could not be sent again, for QuickBooks would replay the
    answer to the whole. What has to be asked of QuickBooks is asked before the transaction.
    """
    answered = list(zip(request, results, strict=True))
    learned = [_learn(client, where, intent, result) for intent, result in answered]
    connection.commit()
    marks.lock_to_settle(connection)
    merged = {qbo_id for more in learned for qbo_id in more.merged_customers}
    if merged:
        forget(connection, where.run, where.realm_id, merged, request[0].billing_lab_id)
    for (intent, result), more in zip(answered, learned, strict=True):
        _record(connection, where, intent, result, more)
    connection.commit()


def _learn(client: QboClient, where: Conclusion, intent: Intent, result: Json | Fault | NotFound) -> _Learned:
    if not isinstance(result, Fault | float) and intent.operation == "delete" and not qbo_record.is_deleted(result):
        # An answer of 200 does not say that it was done (trap 19).
        found = client.read(intent.resource, intent.payload_id)
        deleted = isinstance(found, Fault) and is_missing(found)
        return _Learned(problem=None if deleted else fault_words.not_deleted(where.sync.noun(intent.base)))
    if not isinstance(result, Fault) or (intent.operation == "delete" and is_missing(result)):
        return _Learned()
    if result.remedy is Remedy.REREAD:
        if intent.operation == "create":
            # What it links to has changed under our hands (trap 9): planned anew, it is read anew.
            return _Learned()
        found = client.read(intent.resource, intent.payload_id)
        if isinstance(found, Fault):
            return _Learned()
        return _Learned(sync_token=qbo_record.version(found).sync_token)
    if result.remedy is Remedy.RECORD_ERROR:
        try:
            return _learn_of_refusal(client, where, intent, result)
        except RequestRefused:
            # Nor does QuickBooks answer what was asked about it: that is this record's trouble, and no other's.
            return _Learned(problem=fault_words.explain(result, where.sync.noun(intent.base)))
    return _Learned()


def _learn_of_refusal(client: QboClient, where: Conclusion, intent: Intent, fault: Fault) -> _Learned:
    merged = find_merged(client, intent, fault)
    if merged:
        return _Learned(cleared=True, merged_customers=merged)
    removal = where.sync.remove_cause(client, intent, fault)
    if removal.plan_again:
        return _Learned(cleared=True, writes=removal.writes)
    return _Learned(problem=where.sync.explain(fault, intent, client))


def _record(
    connection: psycopg.Connection,
    where: Conclusion,
    intent: Intent,
    result: Json | Fault | NotFound,
    learned: _Learned,
) -> None:
    if isinstance(result, Fault) and intent.operation == "create" and may_have_been_done(result):
        note_unconfirmed(connection, where.realm_id, intent.key, result)
    intents.finish(connection, where.realm_id, intent)
    if learned.writes:
        keep_beside(connection, where.run, where.realm_id, intent.billing_lab_id, learned.writes)
    if isinstance(result, Fault | float) or learned.problem is not None:
        marks.wait_no_more(connection, where.realm_id, where.direction, intent.key, intent.generation)
    if isinstance(result, float):
        settle(connection, where.run, _end(where, intent, "waiting", wait_seconds=result))
    elif learned.problem is not None:
        _failed(connection, where, intent, learned.problem)
    elif not isinstance(result, Fault):
        _done(connection, where, intent, result)
    elif intent.operation == "delete" and is_missing(result):
        # Somebody was quicker: the record is deleted, as planned.
        _done(connection, where, intent, {})
    elif result.remedy is Remedy.REREAD:
        if learned.sync_token is not None:
            links.renew_token(connection, where.realm_id, intent.key, learned.sync_token)
        settle(connection, where.run, _end(where, intent, "waiting", wait_seconds=REREAD_SECONDS))
    elif learned.cleared:
        settle(connection, where.run, _end(where, intent, "waiting", wait_seconds=REREAD_SECONDS))
    else:
        # One item of a batch was throttled or failed inside QuickBooks, perhaps after it was done (trap 6):
        # the next plan looks before it writes.
        settle(connection, where.run, _end(where, intent, "waiting", wait_seconds=RETRY_SECONDS))


def _done(connection: psycopg.Connection, where: Conclusion, intent: Intent, answer: Json) -> None:
    if intent.operation == "delete":
        _audit(connection, where, intent, intent.payload_id)
        links.remove(connection, where.realm_id, intent.key)
        settle(connection, where.run, _end(where, intent, "deleted"))
        return
    now = qbo_record.version(answer)
    base = where.sync.agreed(intent.base, answer)
    _audit(connection, where, intent, now.qbo_id, base, now.sync_token)
    if intent.operation == "create" and _linked_otherwise(connection, where, intent, now.qbo_id):
        # By hand, while the answer was missing: the next plan sees it, and a person's link stays.
        settle(connection, where.run, _end(where, intent, "waiting", wait_seconds=REREAD_SECONDS))
        return
    problem = where.sync.check_answer(intent, answer)
    if problem and intent.operation == "update":
        # Not agreed on: the next try must find it as different as it is.
        links.renew_token(connection, where.realm_id, intent.key, now.sync_token)
    else:
        links.store(connection, where.realm_id, intent.key, now.qbo_id, base, now.sync_token)
    if intent.operation == "create":
        confirm(connection, where.realm_id, intent.key)
        if not qbo_record.is_untouched(answer):
            lab = intent.billing_lab_id
            hand_over.sync_back(connection, where.realm_id, intent.key, now.qbo_id, intent.base, lab)
    if problem:
        _failed(connection, where, intent, problem, qbo_id=now.qbo_id)
    else:
        settle(connection, where.run, _end(where, intent, _DONE[intent.operation], qbo_id=now.qbo_id))


def _audit(
    connection: psycopg.Connection,
    where: Conclusion,
    intent: Intent,
    qbo_id: str,
    after: Canonical | None = None,
    sync_token: str | None = None,
) -> None:
    entry = audit.Entry(
        side="qbo",
        realm_id=where.realm_id,
        entity=intent.entity,
        record_id=intent.record_id,
        qbo_id=qbo_id,
        billing_lab_id=intent.billing_lab_id,
        operation=intent.operation,
        before=intent.before,
        after=after,
        sync_token=sync_token,
        request_id=where.request_id,
    )
    audit.keep(connection, where.run, entry)


def _linked_otherwise(connection: psycopg.Connection, where: Conclusion, intent: Intent, qbo_id: str) -> bool:
    """Whether the record has another link by now, or what was created is another record's."""
    own = links.qbo_ids(connection, where.realm_id, [intent.key]).get(intent.key)
    if own is not None:
        # Nobody links a credit's applications by hand: that link is to the payment which this one replaces.
        return own != qbo_id and intent.entity != "credit_application"
    return bool(links.linked_ids(connection, where.realm_id, where.sync.same_resource, [qbo_id]))


def _failed(
    connection: psycopg.Connection,
    where: Conclusion,
    intent: Intent,
    problem: Problem,
    qbo_id: str | None = None,
) -> None:
    number = where.sync.number(intent.base)
    # Whatever the write named may be what it was refused for (rule 8.3).
    named = [in_quickbooks(*one) for one in qbo_record.named(intent.resource, intent.payload)]
    problem = replace(problem, causes=(*problem.causes, *named))
    end = _end(where, intent, "failed", problem=problem, qbo_id=qbo_id, document_number=number)
    settle(connection, where.run, end)


def _end(where: Conclusion, intent: Intent, outcome: Outcome, **details: object) -> Settlement:
    return Settlement(
        realm_id=where.realm_id,
        direction=where.direction,
        key=RecordKey(intent.entity, intent.record_id),
        generation=intent.generation,
        billing_lab_id=intent.billing_lab_id,
        outcome=outcome,
        operation=intent.operation,
        lms_id=intent.record_id,
        **details,  # type: ignore[arg-type]
    )
