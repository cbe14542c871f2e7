"""How the sync stands now, as metrics. What happens in between (records, calls, waits) is counted as it happens."""

from collections.abc import Mapping
from datetime import UTC, datetime

import psycopg

from include.alerts.causes import KINDS
from include.company.metrics import Metrics
from include.sync.quota import read_quota

#: Of each company that a lab is connected to, so that what was something falls to nothing.
_COMPANIES = """
    select c.realm_id, count(m.realm_id) as due,
           greatest(0, extract(epoch from clock_timestamp() - min(greatest(m.marked_at, m.attempt_after))))::float8
               as lag,
           (select count(*) from qbo_sync.sync_error e where e.realm_id = c.realm_id and e.status = 'open') as errors
      from qbo_sync.company c
      left join qbo_sync.due_mark m on m.realm_id = c.realm_id
     where exists (select 1 from qbo_sync.connection n where n.realm_id = c.realm_id)
     group by c.realm_id
"""


def emit(connection: psycopg.Connection, metrics: Metrics, monthly_calls: int) -> None:
    """Say how things stand."""
    for realm_id, due, lag, errors in connection.execute(_COMPANIES).fetchall():
        tags = {"realm_id": realm_id}
        metrics.gauge("pilot.due_records", due, tags)
        metrics.gauge("pilot.lag_seconds", lag or 0.0, tags)
        metrics.gauge("pilot.open_errors", errors, tags)
    quota = read_quota(connection, monthly_calls, datetime.now(UTC))
    metrics.gauge("pilot.metered_calls", quota.used, {})
    metrics.gauge("pilot.metered_calls_quota", quota.calls, {})
    alerts: Mapping[str, int] = dict(
        connection.execute("select kind, count(*) from qbo_sync.alert where over_at is null group by kind").fetchall()
    )
    for kind in KINDS:
        metrics.gauge("pilot.open_alerts", alerts.get(kind, 0), {"kind": kind})
