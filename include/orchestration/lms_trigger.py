"""The event trigger: listens to the LMS database and fires when a DAG has something to look at.

It only wakes. What there is to do stands in qbo_sync.change_mark, so that an event that is lost, repeated or late
does no harm; the DAGs' time schedule is the net below.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
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

#: What is pending and in no run's sight yet. A run that was called and has not looked so far will see all of it, one
#: that has looked is about to take what was there; after some seconds (a lost event, a dead run) neither is relied on.
_PENDING = (
    "select count(*), clock_timestamp() from qbo_sync.pending_mark m"  # noqa: S608 - a constant
    " left join qbo_sync.dag_look k on k.dag_id = %(dag_id)s"
    " where direction = %(direction)s and entity = any(%(entities)s)"
    "   and (%(called_at)s::timestamptz is null or k.looked_at > %(called_at)s"
    "        or %(called_at)s < clock_timestamp() - interval '15 seconds')"
    "   and (k.looked_at is null or greatest(m.marked_at, m.attempt_after) > k.looked_at"
    "        or k.looked_at < clock_timestamp() - interval '5 seconds')"
    f"  and realm_id <> all (array({GOING_FIRST}))"
)


class LmsChangeTrigger(BaseEventTrigger):
    """Fires an event with the number of pending records of some entities: {"pending": n}."""

    def __init__(self, *, dag_id: str, direction: str, entities: list[str], after: list[str]) -> None:
        """The DAG that is called, which marks count, and which go first."""
        super().__init__()
        self.dag_id = dag_id
        self.direction = direction
        self.entities = entities
        self.after = after

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How the triggerer makes it again."""
        return (
            "include.orchestration.lms_trigger.LmsChangeTrigger",
            {"dag_id": self.dag_id, "direction": self.direction, "entities": self.entities, "after": self.after},
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
            called_at: datetime | None = None
            while True:
                pending, now = await self._pending(connection, called_at)
                if pending:
                    called_at = now
                    yield TriggerEvent({"pending": pending})
                    await asyncio.sleep(COALESCE)
                async for _ in connection.notifies(timeout=IDLE, stop_after=1):
                    pass

    async def _pending(
        self, connection: psycopg.AsyncConnection, called_at: datetime | None
    ) -> tuple[int, datetime | None]:
        """How many records call for a run, and the database's time."""
        await connection.execute("select qbo_sync.dispatch_lms_changes()")
        wanted = {
            "dag_id": self.dag_id,
            "direction": self.direction,
            "entities": self.entities,
            "after": self.after,
            "called_at": called_at,
        }
        cursor = await connection.execute(_PENDING, wanted)
        row = await cursor.fetchone()
        return row or (0, None)
