"""Writes to QuickBooks are written down before they go out.

A request is committed with its intents; the answer's link, base and outcome after. After a crash the same request
goes out again under the same requestid, or what it did is found (to_quickbooks.py, recover.py).
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from include.lms.database import jsonb
from include.model.record import Entity, Operation, RecordKey
from include.model.typed_json import Canonical, base_of
from include.qbo import record as qbo_record
from include.qbo.client import Write


@dataclass(frozen=True, kw_only=True, slots=True)
class Intent:
    """One record that is to be written to QuickBooks."""

    entity: Entity
    record_id: str
    billing_lab_id: int | None
    generation: int
    operation: Operation
    resource: str
    payload: dict[str, Any]
    #: What both sides agree on once it is done; of a delete, what they agreed on before.
    base: Canonical | None
    #: What QuickBooks has until then, as far as known; None: a create.
    before: Canonical | None = None

    #: The entry of the audit that this write takes back (include/undo/).
    undo_of: int | None = None

    #: The write to a payment in its way that was sent and not recorded, or that one was done (write/beside.py).
    beside: dict[str, Any] | None = None

    @property
    def key(self) -> RecordKey:
        """The record."""
        return RecordKey(self.entity, self.record_id)

    @property
    def payload_id(self) -> str:
        """The QuickBooks id of the record that is changed or deleted. Raises RuntimeError for a create."""
        qbo_id = qbo_record.id_in(self.payload)
        if qbo_id is None:
            raise RuntimeError("a create has no id yet")
        return qbo_id

    @property
    def write(self) -> Write:
        """What the client sends."""
        return Write(operation=self.operation, resource=self.resource, body=self.payload)


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One HTTP request that writes, with its intents in their order."""

    request_id: str
    created_at: datetime
    #: The last time.
    sent_at: datetime
    intents: tuple[Intent, ...]


def commit_request(connection: psycopg.Connection, realm_id: str, intents: Sequence[Intent]) -> str:
    """Write the request down and commit; its requestid is returned.

    The id belongs to this very write of these records: every attempt reads it here, any later write of the same records
    has another. It is random, for numbers and keys come again after a backup was restored, and QuickBooks would replay
    what it answered to whoever had them before.
    """
    request_id = str(uuid.uuid4())
    connection.execute(
        "insert into qbo_sync.write_request (request_id, realm_id) values (%s, %s)", [request_id, realm_id]
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into qbo_sync.write_intent (request_id, position, realm_id, entity, record_id, billing_lab_id,"
            " generation, operation, resource, payload, base, before, customer_id, undo_of)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                [
                    request_id,
                    position,
                    realm_id,
                    intent.entity,
                    intent.record_id,
                    intent.billing_lab_id,
                    intent.generation,
                    intent.operation,
                    intent.resource,
                    jsonb(intent.payload),
                    jsonb(intent.base or {}),
                    jsonb(intent.before) if intent.before else None,
                    qbo_record.customer_id(intent.payload),
                    intent.undo_of,
                ]
                for position, intent in enumerate(intents)
            ],
        )
    connection.commit()
    return request_id


def unfinished(connection: psycopg.Connection, realm_id: str, entities: Sequence[Entity]) -> list[Request]:
    """Requests of these entities whose answer was never recorded, oldest first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            "select r.request_id, r.created_at, r.sent_at, i.entity, i.record_id, i.billing_lab_id, i.generation,"
            "       i.operation, i.resource, i.payload, i.base, i.before, i.undo_of, i.beside"
            "  from qbo_sync.write_request r join qbo_sync.write_intent i using (request_id)"
            " where i.realm_id = %s and i.entity = any(%s) order by r.created_at, r.request_id, i.position",
            [realm_id, list(entities)],
        ).fetchall()
    requests: dict[str, tuple[datetime, datetime, list[Intent]]] = {}
    for row in rows:
        request_id, created_at, sent_at = row.pop("request_id"), row.pop("created_at"), row.pop("sent_at")
        requests.setdefault(request_id, (created_at, sent_at, []))[2].append(
            Intent(
                **{
                    **row,
                    "base": base_of(row["entity"], row["base"]),
                    "before": base_of(row["entity"], row["before"]),
                }
            )
        )
    return [
        Request(request_id=request_id, created_at=created_at, sent_at=sent_at, intents=tuple(intents))
        for request_id, (created_at, sent_at, intents) in requests.items()
    ]


def note_sent_again(connection: psycopg.Connection, request_id: str) -> None:
    """Commit that the request is about to go out once more."""
    connection.execute(
        "update qbo_sync.write_request set sent_at = clock_timestamp() where request_id = %s", [request_id]
    )
    connection.commit()


def commit_beside(connection: psycopg.Connection, realm_id: str, key: RecordKey, beside: dict[str, Any] | None) -> None:
    """Commit the write to a payment in the record's way that is about to go out, or what came of it."""
    connection.execute(
        "update qbo_sync.write_intent set beside = %s where realm_id = %s and entity = %s and record_id = %s",
        [jsonb(beside) if beside else None, realm_id, key.entity, key.id],
    )
    connection.commit()


def give_up(connection: psycopg.Connection, realm_id: str, refused: Sequence[Intent]) -> None:
    """QuickBooks refused the whole request and did nothing of it: commit that it is over, without an outcome."""
    finish(connection, realm_id, refused)
    connection.commit()


def finish(connection: psycopg.Connection, realm_id: str, answered: Sequence[Intent]) -> None:
    """The answers of these intents are recorded, in the caller's transaction; the last one takes its request along."""
    connection.execute(
        "with gone as ("
        "  delete from qbo_sync.write_intent i using unnest(%(entities)s::text[], %(ids)s::text[]) a (entity, id)"
        "   where i.realm_id = %(realm)s and i.entity = a.entity and i.record_id = a.id"
        "  returning i.id, i.request_id)"
        " delete from qbo_sync.write_request r where request_id in (select request_id from gone)"
        # The statement sees the table as it was before it.
        "   and not exists (select from qbo_sync.write_intent i where i.request_id = r.request_id"
        "                      and i.id not in (select id from gone))",
        {
            "realm": realm_id,
            "entities": [intent.entity for intent in answered],
            "ids": [intent.record_id for intent in answered],
        },
    )
