"""The event trigger: listens to the LMS database and fires when a DAG has something to look at.

It only wakes. What there is to do stands in qbo_sync.change_mark, so that an event that is lost, repeated or late
does no harm; the DAGs' time schedule is the net below.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
from airflow.sdk import BaseHook
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from include.sync.order import GOING_FIRST

#: The channel that the sync schema's triggers notify (migrations/sql/0002_qbo_sync.sql).
CHANNEL = "qbo_sync"
CONNECTION_ID = "lms_db"

#: Seconds: between looks without a notification; before listening again after a lost connection; after firing.
IDLE, RECONNECT, COALESCE = 10.0, 5.0, 0.3

_PENDING = (
    "select count(*) from qbo_sync.pending_mark"  # noqa: S608 - a constant
    " where direction = %(direction)s and entity = any(%(entities)s)"
    f" and realm_id <> all (array({GOING_FIRST}))"
)


class LmsChangeTrigger(BaseEventTrigger):
    """Fires an event with the number of pending records of some entities: {"pending": n}."""

    def __init__(self, *, direction: str, entities: list[str], after: list[str]) -> None:
        """Which marks count, and which go first."""
        super().__init__()
        self.direction = direction
        self.entities = entities
        self.after = after

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How the triggerer makes it again."""
        return (
            "include.orchestration.lms_trigger.LmsChangeTrigger",
            {"direction": self.direction, "entities": self.entities, "after": self.after},
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Never ends: a watcher that returned would only be started again."""
        while True:
            try:
                async for event in self._listen():
                    yield event
            except (psycopg.Error, OSError) as error:
                self.log.warning("the LMS database cannot be listened to (%s); trying again", type(error).__name__)
                await asyncio.sleep(RECONNECT)

    async def _listen(self) -> AsyncIterator[TriggerEvent]:
        lms = await BaseHook.aget_connection(CONNECTION_ID)
        async with await psycopg.AsyncConnection.connect(
            host=lms.host, port=lms.port, user=lms.login, password=lms.password, dbname=lms.schema, autocommit=True
        ) as connection:
            # Listen first, then look: what commits in between is notified.
            await connection.execute(f"listen {CHANNEL}")
            while True:
                pending = await self._pending(connection)
                if pending:
                    yield TriggerEvent({"pending": pending})
                    await asyncio.sleep(COALESCE)
                async for _ in connection.notifies(timeout=IDLE, stop_after=1):
                    pass

    async def _pending(self, connection: psycopg.AsyncConnection) -> int:
        await connection.execute("select qbo_sync.dispatch_lms_changes()")
        wanted = {"direction": self.direction, "entities": self.entities, "after": self.after}
        cursor = await connection.execute(_PENDING, wanted)
        row = await cursor.fetchone()
        return int(row[0]) if row else 0
