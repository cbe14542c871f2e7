"""Event triggers that listen to the LMS database: a notification, or a look from time to time, makes them fire."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import psycopg
from airflow.sdk import BaseHook
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

#: Airflow's connection to the LMS database.
CONNECTION_ID = "lms_db"

#: Seconds before listening again after a lost connection.
RECONNECT = 5.0


class ListeningTrigger(BaseEventTrigger):
    """Fires when a look at the database finds something; a lost notification costs ten seconds."""

    #: What is listened to; seconds to wait after firing, so that what comes together fires once.
    CHANNEL: ClassVar[str]
    PAUSE: ClassVar[float]
    #: Seconds until the next look if no notification comes; a look may change it.
    idle = 10.0

    @abstractmethod
    async def look(self, connection: psycopg.AsyncConnection) -> dict[str, Any] | None:
        """What the event is to say; None if there is nothing to fire for."""

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
            await connection.execute(f"listen {self.CHANNEL}".encode())
            while True:
                found = await self.look(connection)
                if found:
                    yield TriggerEvent(found)
                    await asyncio.sleep(self.PAUSE)
                async for _ in connection.notifies(timeout=self.idle, stop_after=1):
                    pass
