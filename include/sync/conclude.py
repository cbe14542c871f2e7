"""What an answer of QuickBooks means for a record: link, base, outcome, error, and the end of its intent."""

from dataclasses import dataclass

import psycopg

from include.model.problem import Problem
from include.model.record import Direction, Outcome, RecordKey
from include.qbo.client import QboClient
from include.qbo.faults import Fault, Remedy
from include.sync import intents, links
from include.sync.entity.rules import EntityRules, Json
from include.sync.intents import Intent
from include.sync.outcomes import Settlement, settle
from include.sync.runtime import Run
from include.sync.words import is_gone

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
    rules: EntityRules


def conclude(
    connection: psycopg.Connection, client: QboClient, where: Conclusion, intent: Intent, result: Json | Fault
) -> None:
    """Record one result, in the caller's transaction."""
    intents.finish(connection, where.realm_id, intent)
    if not isinstance(result, Fault):
        _done(connection, where, intent, result)
    elif intent.operation == "delete" and is_gone(result):
        # Somebody was quicker: what we wanted is so.
        _done(connection, where, intent, {})
    elif result.remedy is Remedy.REREAD:
        _renew_token(connection, client, where, intent)
        settle(connection, where.run, _end(where, intent, "waiting", wait_seconds=REREAD_SECONDS))
    elif result.remedy is not Remedy.RECORD_ERROR:
        # One item of a batch was throttled or failed inside QuickBooks, perhaps after it was done (trap 6):
        # the next plan looks before it writes.
        settle(connection, where.run, _end(where, intent, "waiting", wait_seconds=RETRY_SECONDS))
    else:
        _failed(connection, where, intent, where.rules.explain(result, intent, client))


def _done(connection: psycopg.Connection, where: Conclusion, intent: Intent, answer: Json) -> None:
    if intent.operation == "delete":
        links.remove(connection, where.realm_id, intent.key)
        settle(connection, where.run, _end(where, intent, "deleted"))
        return
    base = where.rules.agreed(intent.base, answer)
    links.store(connection, where.realm_id, intent.key, answer["Id"], base, answer.get("SyncToken"))
    objection = where.rules.objection(intent.base, answer)
    if objection:
        _failed(connection, where, intent, objection, qbo_id=answer["Id"])
    else:
        settle(connection, where.run, _end(where, intent, _DONE[intent.operation], qbo_id=answer["Id"]))


def _failed(
    connection: psycopg.Connection,
    where: Conclusion,
    intent: Intent,
    problem: Problem,
    qbo_id: str | None = None,
) -> None:
    number = where.rules.document_number(intent.base)
    end = _end(where, intent, "failed", problem=problem, qbo_id=qbo_id, document_number=number)
    settle(connection, where.run, end)


def _renew_token(connection: psycopg.Connection, client: QboClient, where: Conclusion, intent: Intent) -> None:
    found = client.read(intent.resource, intent.payload["Id"])
    if not isinstance(found, Fault):
        links.renew_token(connection, where.realm_id, intent.key, found["SyncToken"])


def _end(where: Conclusion, intent: Intent, outcome: Outcome, **details: object) -> Settlement:
    return Settlement(
        realm_id=where.realm_id,
        direction=where.direction,
        key=RecordKey(intent.entity, intent.record_id),
        generation=intent.generation,
        billing_lab_id=intent.billing_lab_id,
        outcome=outcome,
        operation=intent.operation,
        **details,  # type: ignore[arg-type]
    )
