"""The event trigger of the DAGs that sync records: fires when one has something to look at.

It only wakes. What there is to do stands in qbo_sync.change_mark, so that an event that is lost, repeated or late
does no harm; the DAGs' time schedule is the net below.
"""

from typing import Any, ClassVar

import psycopg

from include.orchestration.listening import ListeningTrigger, number
from include.sync.order import GOING_FIRST

_PENDING = (
    "select count(*) from qbo_sync.pending_mark"  # noqa: S608 - a constant
    " where direction = %(direction)s and entity = any(%(entities)s)"
    f" and realm_id <> all (array({GOING_FIRST}))"
)


class LmsChangeTrigger(ListeningTrigger):
    """Fires an event with the number of pending records of some entities: {"pending": n}."""

    #: The channel that the sync schema's triggers notify (migrations/sql/0002_qbo_sync.sql).
    CHANNEL: ClassVar[str] = "qbo_sync"
    PAUSE: ClassVar[float] = 0.3

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

    async def look(self, connection: psycopg.AsyncConnection) -> dict[str, Any] | None:
        """Turn changes of the LMS into marks; then, what is pending."""
        await connection.execute("select qbo_sync.dispatch_lms_changes()")
        wanted = {"direction": self.direction, "entities": self.entities, "after": self.after}
        pending = await number(connection, _PENDING, wanted)
        return {"pending": pending} if pending else None
