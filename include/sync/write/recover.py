"""Finishes the requests of a worker that died, or whose answer was lost.

For creates it first asks QuickBooks what is there (rule "no duplicate": find out what happened before creating
anything), then:
  * everything of the request is there: link it;
  * nothing is there: send the same request again under the same requestid. If the first one is still on its way,
    or was done unseen, QuickBooks replays its answer instead of creating anything twice (fact 2.4);
  * some of it is there (the others were refused, or QuickBooks broke the batch off): link that. What is missing is
    planned anew once the request was last sent longer ago than the 120 s after which Intuit's gateway cuts it, so that
    it cannot still be at work;
  * something is there in a form that nobody can read, and may be it: nothing is sent, the records become sync errors.
Updates and deletes are simply sent again: doing them twice does no harm. A request at which QuickBooks keeps breaking
is sent record by record in the end, so that the one bad record becomes a sync error and the others go through. Creates
get other requestids with that: only when no attempt at the whole can be at work any more, and nothing of it is there.
"""

import logging
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from include.company.runtime import Run
from include.model.record import LISTS
from include.qbo import record as qbo_record
from include.qbo.client import QboClient
from include.qbo.errors import OutcomeUnknown, QboError, RequestRefused
from include.qbo.faults import Fault, fault_of_status
from include.sync import intents
from include.sync.entity.base import Json, ToQuickBooks
from include.sync.flows import Flow
from include.sync.intents import Request
from include.sync.write.beside import Beside
from include.sync.write.conclude import Conclusion, NotFound, conclude
from include.sync.write.unconfirmed import CLOCKS_DIFFER, changed_from, free_candidates, made_from

log = logging.getLogger(__name__)

#: A request older than this is not at work any more (Intuit's gateway cuts at 120 s; fact 2.5).
SETTLED_AFTER = timedelta(seconds=150)


def recover(connection: psycopg.Connection, client: QboClient, run: Run, flow: Flow) -> list[OutcomeUnknown]:
    """Bring every unfinished request of the flow's entities to an end, under the load's lock.

    Returns the errors of those that have lost their answer again; they stay unfinished.
    """
    lost = []
    syncs = {sync.entity: sync for sync in flow.entities if isinstance(sync, ToQuickBooks)}
    for request in intents.unfinished(connection, client.realm_id, flow.names):
        sync = syncs[request.intents[0].entity]
        where = Conclusion(
            run=run,
            realm_id=client.realm_id,
            direction=flow.direction,
            sync=sync,
            request_id=request.request_id,
            keeps_breaking=request.sent_at - request.created_at >= SETTLED_AFTER,
        )
        log.info("finishing request %s of %d record(s)", request.request_id, len(request.intents))
        try:
            request = _finish_besides(connection, client, where, request)
        except OutcomeUnknown as error:
            intents.note_sent_again(connection, request.request_id)
            lost.append(error)
            continue
        try:
            results, changed = _results(connection, client, sync, request)
        except RequestRefused:
            # Updates or deletes, refused as a whole: nothing was done. Their records are planned, and sent, again.
            intents.give_up(connection, client.realm_id, request.intents)
        except _KeepsBreaking:
            _one_by_one(connection, client, where, request)
        except OutcomeUnknown as error:
            lost.append(error)
        else:
            try:
                conclude(connection, client, replace(where, changed_since=changed), request.intents, results)
            except OutcomeUnknown as error:
                lost.append(error)  # of a payment in its way
    return lost


def _finish_besides(connection: psycopg.Connection, client: QboClient, where: Conclusion, request: Request) -> Request:
    """The request, once it is known what became of writes to payments in its way. Raises OutcomeUnknown."""
    besides = [
        Beside(connection, client, where.run, intent, keeps_breaking=where.keeps_breaking) for intent in request.intents
    ]
    return replace(request, intents=tuple(one.finish() for one in besides))


def _changed_since(client: QboClient, request: Request, answers: Sequence[Json | Fault | NotFound]) -> set[str]:
    """The ids of what creates have made and is deleted, or has another version by now: an answer that is replayed is as
    old as the request, and change capture may have seen what came after while nothing was linked."""
    resource = request.intents[0].resource
    versions = [qbo_record.version(one) for one in answers if not isinstance(one, Fault | NotFound)]
    made = {one.qbo_id: one.sync_token for one in versions}
    try:
        shown = client.find(resource, "Id", sorted(made))
    except QboError:
        return set(made)  # nobody can tell, and what was made is known
    now = {one.qbo_id: one.sync_token for one in map(qbo_record.version, shown)}
    return {qbo_id for qbo_id, sync_token in made.items() if now.get(qbo_id) != sync_token}


def _one_by_one(connection: psycopg.Connection, client: QboClient, where: Conclusion, request: Request) -> None:
    """QuickBooks keeps breaking at this request: one record of it must not stop the others (rule 8.3).

    Raises Unavailable if QuickBooks does not answer at all: then it is no record's fault.
    """
    client.company_info()
    alone = len(request.intents) == 1
    if alone:
        intents.note_sent_again(connection, request.request_id)
    else:
        intents.give_up(connection, client.realm_id, request.intents)
    for intent in request.intents:
        # Of one record it is the same request: should it be done, in a form in which it was not found because somebody
        # has changed it since, QuickBooks replays its answer.
        request_id = request.request_id if alone else intents.commit_request(connection, client.realm_id, [intent])
        changed: Collection[str] = ()
        try:
            results: Sequence[Json | Fault | NotFound] = client.write(
                [intent.write], request_id=request_id, again=alone
            )
        except (OutcomeUnknown, RequestRefused) as error:
            results = [Fault(status=400, code="", message=_BREAKS, detail=f"{_BREAKS} ({error}).")]
        else:
            if alone and intent.operation == "create":
                changed = _changed_since(client, request, results)
        where = replace(where, request_id=request_id, changed_since=changed, keeps_breaking=True)
        conclude(connection, client, where, [intent], results)


class _KeepsBreaking(Exception):
    """Each of the request's attempts has lost its answer, the last of them long after the first."""


_BREAKS = "the connection to QuickBooks fails whenever this record is sent"


def _results(
    connection: psycopg.Connection, client: QboClient, sync: ToQuickBooks[Any, Any, Any, Any], request: Request
) -> tuple[Sequence[Json | Fault | NotFound], set[str]]:
    """What became of each intent, and the ids of what they made and somebody has changed. Raises _KeepsBreaking, and as
    the client does."""
    long_tried = request.sent_at - request.created_at >= SETTLED_AFTER
    left = SETTLED_AFTER - (datetime.now(UTC) - request.sent_at)
    creates = request.intents[0].operation == "create"
    if creates:
        try:
            # Sent again under the same requestid, nothing is there twice. Under others it would be, if clocks differ.
            bound = sync.entity not in LISTS and not long_tried
            replayed = not long_tried or len(request.intents) == 1
            found, unclear = _found(connection, client, sync, request, bound=bound, replayed=replayed)
        except RequestRefused:
            found, unclear = [None] * len(request.intents), True  # QuickBooks does not even answer the question
        if any(found) or unclear:
            # What may be there unread is looked for before it is sent again (unconfirmed.py).
            missing: Fault | NotFound = (
                fault_of_status(502) if unclear else NotFound(wait_seconds=max(left.total_seconds(), 0.0))
            )
            theirs = {
                qbo_record.version(record).qbo_id
                for intent, record in zip(request.intents, found, strict=True)
                if record is not None and not sync.is_made_from(record, intent.payload)
            }
            return [missing if record is None else record for record in found], theirs
        if long_tried and left > timedelta():
            raise OutcomeUnknown(f"QuickBooks company {client.realm_id} may still be at work on it")
        if long_tried:
            raise _KeepsBreaking
    intents.note_sent_again(connection, request.request_id)
    try:
        writes = [intent.write for intent in request.intents]
        answers = client.write(writes, request_id=request.request_id, again=True)
    except OutcomeUnknown:
        if not creates and datetime.now(UTC) - request.created_at >= SETTLED_AFTER:
            raise _KeepsBreaking from None
        raise
    return answers, _changed_since(client, request, answers) if creates else set()


def _found(
    connection: psycopg.Connection,
    client: QboClient,
    sync: ToQuickBooks[Any, Any, Any, Any],
    request: Request,
    *,
    bound: bool,
    replayed: bool,
) -> tuple[list[Json | None], bool]:
    """What each create made, if anything; a record answers for one create only, and for none if it is linked, or
    (`bound`) older than the request: a bookkeeper may have entered the like. And whether there is something that cannot
    be read and may be one of them.

    Should nothing be found, QuickBooks is asked again and says what it has made (`replayed`). If not, one that was made
    while it was tried and has been changed since answers for what nothing else does.
    """
    after, until = request.created_at - CLOCKS_DIFFER, request.sent_at + SETTLED_AFTER + CLOCKS_DIFFER
    free, unclear = free_candidates(connection, client, sync, [one.payload for one in request.intents])
    found: list[Json | None] = []
    for intent in request.intents:
        match = made_from(free, sync, intent.payload, after if bound else None)
        found.append(free.pop(match) if match else None)
    if any(found) or unclear or not replayed:
        for position, intent in enumerate(request.intents):
            match = None if found[position] else changed_from(free, sync, intent.payload, after, until)
            if match:
                found[position] = free.pop(match)
    return found, unclear is not None
