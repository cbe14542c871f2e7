"""The event trigger of the change capture: fires when QuickBooks reports by webhook that a company has changed."""

from typing import Any, ClassVar

import psycopg

from include.orchestration.listening import ListeningTrigger


class QboChangeTrigger(ListeningTrigger):
    """Fires an event with the number of companies that QuickBooks reports as changed: {"companies": n}. One that was
    asked less than ten seconds ago waits until then (qbo_sync.wake_capture)."""

    CHANNEL: ClassVar[str] = "qbo_webhook"
    PAUSE: ClassVar[float] = 2.0

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How the triggerer makes it again."""
        return "include.orchestration.qbo_trigger.QboChangeTrigger", {}

    async def look(self, connection: psycopg.AsyncConnection) -> dict[str, Any] | None:
        """Companies for which no capture has been woken yet."""
        cursor = await connection.execute(
            "select qbo_sync.wake_capture(), exists (select 1 from qbo_sync.webhook_event"
            "  join qbo_sync.company using (realm_id) where status = 'connected'"
            "   and not capture_woken and received_at is distinct from captured_at)"
        )
        companies, waits = await cursor.fetchone() or (0, False)
        # No notification says that the wait of a company is over.
        self.idle = 2.0 if waits else ListeningTrigger.idle
        return {"companies": companies} if companies else None
