"""The event trigger of the change capture: fires when QuickBooks reports by webhook that a company has changed."""

from typing import Any, ClassVar

import psycopg

from include.orchestration.listening import ListeningTrigger


class QboChangeTrigger(ListeningTrigger):
    """Fires an event with the number of companies that QuickBooks reports as changed: {"companies": n}, at most every
    ten seconds."""

    CHANNEL: ClassVar[str] = "qbo_webhook"
    PAUSE: ClassVar[float] = 10.0

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How the triggerer makes it again."""
        return "include.orchestration.qbo_trigger.QboChangeTrigger", {}

    async def look(self, connection: psycopg.AsyncConnection) -> dict[str, Any] | None:
        """Companies for which no capture has been woken yet."""
        cursor = await connection.execute("select qbo_sync.wake_capture()")
        (companies,) = await cursor.fetchone() or (0,)
        return {"companies": companies} if companies else None
