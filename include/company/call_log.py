"""The audit table of API calls."""

import psycopg

from include.qbo.ports import ApiCall


class DatabaseCallLog:
    """Writes qbo_sync.api_call. Needs an autocommit connection of its own: a call happened even if the work failed."""

    def __init__(self, connection: psycopg.Connection, realm_id: str, dag_id: str | None, run_id: str | None) -> None:
        """Who calls, for the rows."""
        self._connection = connection
        self._where = [realm_id, dag_id, run_id]

    def record(self, call: ApiCall) -> None:
        """Keep one call."""
        self._connection.execute(
            "insert into qbo_sync.api_call (realm_id, dag_id, run_id, operation, resource, items, metered, status,"
            " fault_code, intuit_tid, request_id, duration_ms)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                *self._where,
                call.operation,
                call.resource,
                call.items,
                call.metered,
                call.status,
                call.fault_code,
                call.intuit_tid,
                call.request_id,
                call.duration_ms,
            ],
        )
