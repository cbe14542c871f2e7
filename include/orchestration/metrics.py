"""Metrics by way of Airflow: to wherever its own go (`[metrics]` in its configuration), and nowhere by default."""

from collections.abc import Mapping

from airflow.sdk.observability import stats


class AirflowMetrics:
    """Airflow's StatsD or OpenTelemetry, whichever is on. Without tags (plain StatsD) all companies are one."""

    def count(self, name: str, amount: int, tags: Mapping[str, str]) -> None:
        """So many more."""
        stats.incr(name, amount, tags=dict(tags))

    def gauge(self, name: str, value: float, tags: Mapping[str, str]) -> None:
        """So much now."""
        stats.gauge(name, value, tags=dict(tags))
