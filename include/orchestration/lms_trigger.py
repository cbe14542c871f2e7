"""The event trigger of the DAGs that sync records: fires when one has something to do.

It only wakes. What there is to do is in the table qbo_sync.change_mark, so that an event that is lost, repeated or late
does no harm; the DAGs run on a schedule too.
"""

from datetime import datetime
from typing import Any, ClassVar

import psycopg

from include.orchestration.listening import ListeningTrigger

#: What is pending and in no run's sight yet. A run that was called and has not looked so far will see all of it, one
#: that has looked is about to take what was there; after some seconds (a lost event, a dead run) neither is relied on.
_PENDING = (
    "select count(*), clock_timestamp() from qbo_sync.waking_mark m"
    " left join qbo_sync.dag_listing k on k.dag_id = %(dag_id)s"
    " where direction = %(direction)s and entity = any(%(entities)s)"
    "   and (%(called_at)s::timestamptz is null or k.listed_at between %(called_at)s and clock_timestamp()"
    "        or %(called_at)s not between clock_timestamp() - interval '15 seconds' and clock_timestamp())"
    "   and (k.listed_at is null or greatest(m.marked_at, m.attempt_after) > k.listed_at"
    "        or k.listed_at not between clock_timestamp() - interval '5 seconds' and clock_timestamp())"
    "   and realm_id <> all (array("
    "       select * from qbo_sync.companies_with_earlier_work(%(direction)s, %(after)s::text[])))"
)


class LmsChangeTrigger(ListeningTrigger):
    """Fires an event with the number of pending records of some entities: {"pending": n}."""

    #: The channel that the sync schema's triggers notify (migrations/sql/qbo_sync/change_feed.sql).
    CHANNEL: ClassVar[str] = "qbo_sync"
    PAUSE: ClassVar[float] = 0.3

    def __init__(self, *, dag_id: str, direction: str, entities: list[str], after: list[str]) -> None:
        """The DAG that is called, which marks count, and which go first."""
        super().__init__()
        self.dag_id = dag_id
        self.direction = direction
        self.entities = entities
        self.after = after
        #: When it last fired, by the database's clock.
        self.called_at: datetime | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """How the triggerer makes it again."""
        return (
            "include.orchestration.lms_trigger.LmsChangeTrigger",
            {"dag_id": self.dag_id, "direction": self.direction, "entities": self.entities, "after": self.after},
        )

    async def look(self, connection: psycopg.AsyncConnection) -> dict[str, Any] | None:
        """Turn changes of the LMS into marks; then, what calls for a run."""
        await connection.execute("select qbo_sync.correct_times()")
        await connection.execute("select qbo_sync.dispatch_lms_changes()")
        wanted = {
            "dag_id": self.dag_id,
            "direction": self.direction,
            "entities": self.entities,
            "after": self.after,
            "called_at": self.called_at,
        }
        cursor = await connection.execute(_PENDING, wanted)
        pending, now = await cursor.fetchone() or (0, None)
        if not pending:
            return None
        self.called_at = now
        return {"pending": pending}
