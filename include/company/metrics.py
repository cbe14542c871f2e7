"""What can be measured of the sync, and the way to whoever collects it (docs/operations.md, Metrics)."""

from collections.abc import Mapping
from typing import Protocol

#: Every metric, with its tags and what it counts. A dot becomes an underscore in most collectors.
METRICS: Mapping[str, str] = {
    "pilot.records": "records synced, by `realm_id`, `dag_id` and `outcome` (counter)",
    "pilot.api_calls": "requests to QuickBooks, by `realm_id`, `operation` and HTTP `status` (counter)",
    "pilot.throttle_waits": "requests that waited for the company's budget, by `realm_id` (counter)",
    "pilot.throttle_wait_ms": "milliseconds that they waited, by `realm_id` (counter)",
    "pilot.lag_seconds": "age of the oldest change that is due, by `realm_id` (gauge; 0: nothing is due)",
    "pilot.due_records": "records that are due, by `realm_id` (gauge)",
    "pilot.open_errors": "open sync errors, by `realm_id` (gauge)",
    "pilot.metered_calls": "metered calls used this month, of all companies (gauge)",
    "pilot.metered_calls_quota": "metered calls that the month has (gauge)",
    "pilot.open_alerts": "open alerts, by `kind` (gauge)",
}


class Metrics(Protocol):
    """Whoever collects them. To lose one costs nothing."""

    def count(self, name: str, amount: int, tags: Mapping[str, str]) -> None:
        """So many more."""

    def gauge(self, name: str, value: float, tags: Mapping[str, str]) -> None:
        """So much now."""


class NoMetrics:
    """Nobody collects them."""

    def count(self, name: str, amount: int, tags: Mapping[str, str]) -> None:
        """Forgotten."""

    def gauge(self, name: str, value: float, tags: Mapping[str, str]) -> None:
        """Forgotten."""


NO_METRICS = NoMetrics()


def count_records(metrics: Metrics, dag_id: str, realm_id: str, by_outcome: Mapping[str, int]) -> None:
    """What came of a run's records in a company."""
    for outcome, number in by_outcome.items():
        if number and outcome != "extracted":
            metrics.count("pilot.records", number, {"realm_id": realm_id, "dag_id": dag_id, "outcome": outcome})
