"""The audit table of API calls."""

from collections.abc import Iterable
from typing import Any

import psycopg

from include.company.metrics import NO_METRICS, Metrics
from include.qbo.ports import ApiCall

_INSERT = (
    "insert into qbo_sync.api_call (realm_id, dag_id, run_id, operation, resource, items, metered, status,"
    " fault_code, intuit_tid, request_id, duration_ms)"
    " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)


class DatabaseCallLog:
    """Writes qbo_sync.api_call. Needs an autocommit connection of its own: a call happened even if the work failed."""

    def __init__(
        self,
        connection: psycopg.Connection,
        realm_id: str,
        dag_id: str | None,
        run_id: str | None,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        """Who calls, for the rows."""
        self._connection = connection
        self._where = [realm_id, dag_id, run_id]
        self._realm_id, self._metrics = realm_id, metrics

    def record(self, call: ApiCall) -> None:
        """Keep one call."""
        self._connection.execute(_INSERT, [*self._where, *_columns(call)])
        count(self._metrics, self._realm_id, call)


def record_all(
    connection: psycopg.Connection, dag_id: str | None, run_id: str | None, calls: Iterable[tuple[str, ApiCall]]
) -> None:
    """Keep calls to several companies, (realm_id, call), in the caller's transaction."""
    rows = [[realm_id, dag_id, run_id, *_columns(call)] for realm_id, call in calls]
    if rows:
        connection.cursor().executemany(_INSERT, rows)


def count(metrics: Metrics, realm_id: str, call: ApiCall) -> None:
    """One more call, for the metrics."""
    tags = {"realm_id": realm_id, "operation": call.operation, "status": str(call.status or "none")}
    metrics.count("pilot.api_calls", 1, tags)


def _columns(call: ApiCall) -> list[Any]:
    return [
        call.operation,
        call.resource,
        call.items,
        call.metered,
        call.status,
        call.fault_code,
        call.intuit_tid,
        call.request_id,
        call.duration_ms,
    ]
