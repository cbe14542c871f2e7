"""What an answer of QuickBooks means for a record: link, base, outcome, error, audit, and the end of its intent."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from include.company.runtime import Run
from include.model.problem import Problem, in_quickbooks
from include.model.record import Direction, Outcome, RecordKey
from include.model.typed_json import Canonical
from include.qbo import payment as qbo_payment
from include.qbo import record as qbo_record
from include.qbo.client import QboClient
from include.qbo.errors import RequestRefused
from include.qbo.faults import Fault, Remedy, is_missing, may_hide_a_write
from include.sync import audit, fault_words, hand_over, intents, links, marks
from include.sync.entity.base import Json, ToQuickBooks
from include.sync.intents import Intent
from include.sync.settle import Settlement, settle
from include.sync.write.beside import Beside
from include.sync.write.merged import Merged, find_merged, forget
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
    #: QuickBooks ids of what creates have made and somebody has changed or deleted since, before it was linked.
    changed_since: Collection[str] = ()
    #: The request is unfinished for so long that no more answers are waited for.
    keeps_breaking: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class NotFound:
    """For a create that cannot be found: it may yet turn up, so it is planned anew after a while."""

    wait_seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class _Learned:
    """What only QuickBooks can tell about a fault."""

    problem: Problem | None = None
    sync_token: str | None = None
    #: The cause of the refusal is removed: plan again at once.
    cleared: bool = False
    #: Customers and items that it needs and that were merged into others.
    merged: Sequence[Merged] = ()


def conclude(
    connection: psycopg.Connection,
    client: QboClient,
    where: Conclusion,
    request: Sequence[Intent],
    results: Sequence[Json | Fault | NotFound],
) -> None:
    """Record all results of one request and commit.

    All or none: a request of which only a part is left could not be sent again, for QuickBooks would replay the
    answer to the whole. What has to be asked of QuickBooks is asked before the transaction; raises as `client.read`
    where that fails, and then the request is left for `recover`, which finds it done.
    """
    answered = [
        (intent, _done_all_the_same(client, where, intent, result) or result)
        for intent, result in zip(request, results, strict=True)
    ]
    learned = [_learn(connection, client, where, intent, result) for intent, result in answered]
    connection.commit()
    merged = {one for more in learned for one in more.merged}
    if merged:
        # Customers and items are settled by loads of their own, their marks before their links.
        marks.lock_alone(connection)
        forget(connection, where.run, where.realm_id, merged, request[0].billing_lab_id)
    else:
        marks.lock_to_settle(connection)
    marks.hold(connection, where.realm_id, where.direction, [intent.key for intent in request])
    for intent, result in answered:
        if isinstance(result, Fault) and intent.operation == "create" and may_have_been_done(result):
            note_unconfirmed(connection, where.realm_id, intent.key, result)
    intents.finish(connection, where.realm_id, request)
    linked = _read_links(connection, where, answered)
    newer = {
        intent.payload_id: intent
        for (intent, _), more in zip(answered, learned, strict=True)
        if more.sync_token and intent.operation == "update"
    }
    _sync_back(connection, where, answered, linked, newer)
    # One round trip for all records, as far as nothing has to be asked.
    with connection.pipeline():
        ends = [
            _record(connection, where, intent, result, more, linked)
            for (intent, result), more in zip(answered, learned, strict=True)
        ]
    settle(connection, where.run, ends)
    connection.commit()


def _sync_back(
    connection: psycopg.Connection,
    where: Conclusion,
    answered: Sequence[tuple[Intent, Json | Fault | NotFound]],
    linked: "_Linked",
    newer: Mapping[str, Intent],
) -> None:
    """Marks for what was created and is not quite ours, or the LMS's any more, before there is a link (the order of
    locks); and for what was changed in QuickBooks since it was read (`newer`, by its ids): the link is about to know
    that version, and the LMS may take its own change back."""
    created = _created(answered)
    moved = hand_over.billed_to_another_meanwhile(connection, {one.record_id: one.base for one, _ in created})
    theirs = dict(newer)
    for intent, result in created:
        qbo_id = qbo_record.version(result).qbo_id
        changed = qbo_id in where.changed_since
        is_theirs = changed or not qbo_record.is_untouched(result) or intent.record_id in moved
        if is_theirs and not linked.otherwise(intent, qbo_id):
            theirs[qbo_id] = intent
            if changed and intent.key.entity in ("credit", "credit_application"):
                hand_over.plan_credit_again(connection, intent.record_id)
    # QuickBooks works the items of a batch in an order of its own.
    for qbo_id in sorted(theirs, key=lambda id_: (len(id_), id_)):
        intent = theirs[qbo_id]
        hand_over.sync_back(connection, where.realm_id, intent.key, qbo_id, intent.base, intent.billing_lab_id)


def _created(answered: Sequence[tuple[Intent, Json | Fault | NotFound]]) -> list[tuple[Intent, Json]]:
    return [
        (intent, result)
        for intent, result in answered
        if intent.operation == "create" and not isinstance(result, Fault | NotFound)
    ]


def _done_all_the_same(
    client: QboClient, where: Conclusion, intent: Intent, result: Json | Fault | NotFound
) -> Json | None:
    """What QuickBooks shows of an update that it has done and answered with a fault (trap 6), so that it is not taken
    for a change of the bookkeeper's when the LMS changes once more. Payments only: all that an update of one sends is
    compared."""
    if not (isinstance(result, Fault) and may_hide_a_write(result)):
        return None
    if intent.operation != "update" or intent.resource != qbo_payment.RESOURCE:
        return None
    try:
        found = client.read(intent.resource, intent.payload_id)
    except RequestRefused:
        return None
    if isinstance(found, Fault) or qbo_record.version(found).sync_token == intent.payload["SyncToken"]:
        return None
    return None if where.sync.check_answer(intent, found) else found


def _learn(
    connection: psycopg.Connection,
    client: QboClient,
    where: Conclusion,
    intent: Intent,
    result: Json | Fault | NotFound,
) -> _Learned:
    if not isinstance(result, Fault | NotFound) and intent.operation == "delete" and not qbo_record.is_deleted(result):
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
            return _learn_of_refusal(connection, client, where, intent, result)
        except RequestRefused:
            # Nor does QuickBooks answer what was asked about it: that is this record's trouble, and no other's.
            return _Learned(problem=fault_words.explain(result, where.sync.noun(intent.base)))
    return _Learned()


def _learn_of_refusal(
    connection: psycopg.Connection, client: QboClient, where: Conclusion, intent: Intent, fault: Fault
) -> _Learned:
    merged = find_merged(client, intent, fault)
    if merged:
        return _Learned(cleared=True, merged=merged)
    beside = Beside(connection, client, where.run, intent, keeps_breaking=where.keeps_breaking)
    if where.sync.remove_cause(client, intent, fault, beside.send) or beside.made_way:
        return _Learned(cleared=True)
    return _Learned(problem=where.sync.explain(fault, intent, client))


def _record(
    connection: psycopg.Connection,
    where: Conclusion,
    intent: Intent,
    result: Json | Fault | NotFound,
    learned: _Learned,
    linked: "_Linked",
) -> Settlement:
    if isinstance(result, Fault | NotFound) or learned.problem is not None:
        marks.wait_no_more(connection, where.realm_id, where.direction, intent.key, intent.generation)
    if isinstance(result, NotFound):
        return _end(where, intent, "waiting", wait_seconds=result.wait_seconds)
    if learned.problem is not None:
        return _failed(where, intent, learned.problem)
    if not isinstance(result, Fault):
        return _done(connection, where, intent, result, linked)
    if intent.operation == "delete" and is_missing(result):
        # Somebody was quicker: the record is deleted, as planned.
        return _done(connection, where, intent, {}, linked)
    if result.remedy is Remedy.REREAD:
        # Of a credit and its applications nothing comes back: their link keeps the version that was agreed on, so that
        # what was changed in QuickBooks is told, even if the LMS takes its own change back. A query may lag (trap 8).
        if intent.key.entity in ("credit", "credit_application"):
            return _end(where, intent, "waiting", wait_seconds=RETRY_SECONDS)
        if learned.sync_token is not None:
            links.renew_token(connection, where.realm_id, intent.key, learned.sync_token)
        return _end(where, intent, "waiting", wait_seconds=REREAD_SECONDS)
    if learned.cleared:
        return _end(where, intent, "waiting", wait_seconds=REREAD_SECONDS)
    # One item of a batch was throttled or failed inside QuickBooks, perhaps after it was done (trap 6):
    # the next plan looks before it writes.
    return _end(where, intent, "waiting", wait_seconds=RETRY_SECONDS)


def _done(
    connection: psycopg.Connection, where: Conclusion, intent: Intent, answer: Json, linked: "_Linked"
) -> Settlement:
    if intent.operation == "delete":
        _audit(connection, where, intent, intent.payload_id)
        links.remove(connection, where.realm_id, intent.key)
        return _end(where, intent, "deleted")
    now = qbo_record.version(answer)
    base = where.sync.agreed(intent.base, answer)
    _audit(connection, where, intent, now.qbo_id, base, now.sync_token)
    if intent.operation == "create" and linked.otherwise(intent, now.qbo_id):
        # By hand, while the answer was missing: the next plan sees it, and a person's link stays.
        return _end(where, intent, "waiting", wait_seconds=REREAD_SECONDS)
    problem = None if _found_changed(where, intent, answer) else where.sync.check_answer(intent, answer)
    if problem and intent.operation == "update":
        # Not agreed on: the next try must find it as different as it is.
        links.renew_token(connection, where.realm_id, intent.key, now.sync_token)
    else:
        links.store(connection, where.realm_id, intent.key, now.qbo_id, base, now.sync_token)
    if intent.operation == "create":
        confirm(connection, where.realm_id, intent.key)
    if problem:
        return _failed(where, intent, problem, qbo_id=now.qbo_id)
    return _end(where, intent, _DONE[intent.operation], qbo_id=now.qbo_id)


def _found_changed(where: Conclusion, intent: Intent, answer: Json) -> bool:
    """Whether somebody had changed it before it was found: it is compared instead of checked (_sync_back)."""
    if intent.operation != "create" or qbo_record.version(answer).qbo_id not in where.changed_since:
        return False
    sync, sent = where.sync, intent.payload
    return sync.may_be_made_from(answer, sent) and not sync.is_made_from(answer, sent)


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
        undo_of=intent.undo_of,
    )
    audit.keep(connection, where.run, entry)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Linked:
    """The links there are of what was created, before the answers count."""

    of_records: Mapping[RecordKey, str]
    qbo_ids: Collection[str]

    def otherwise(self, intent: Intent, qbo_id: str) -> bool:
        """Whether the record has another link by now, or what was created is another record's."""
        own = self.of_records.get(intent.key)
        if own is not None:
            # Nobody links a credit's applications by hand: that link is to the payment which this one replaces.
            return own != qbo_id and intent.entity != "credit_application"
        return qbo_id in self.qbo_ids


def _read_links(
    connection: psycopg.Connection, where: Conclusion, answered: Sequence[tuple[Intent, Json | Fault | NotFound]]
) -> _Linked:
    created = {intent.key: qbo_record.version(result).qbo_id for intent, result in _created(answered)}
    return _Linked(
        of_records=links.qbo_ids(connection, where.realm_id, created),
        qbo_ids=links.linked_ids(connection, where.realm_id, where.sync.same_resource, created.values()),
    )


def _failed(where: Conclusion, intent: Intent, problem: Problem, qbo_id: str | None = None) -> Settlement:
    number = where.sync.number(intent.base)
    # Whatever the write named may be what it was refused for (rule 8.3).
    named = [in_quickbooks(*one) for one in qbo_record.named(intent.resource, intent.payload)]
    problem = replace(problem, causes=(*problem.causes, *named))
    return _end(where, intent, "failed", problem=problem, qbo_id=qbo_id, document_number=number)


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
