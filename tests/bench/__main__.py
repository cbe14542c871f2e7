"""`make bench`: what the sync costs, as ratios within one run; absolute figures only as context.

First a company's first sync, beside python-quickbooks, with and without Intuit's limits; then, on the running stack
with the demo's data, what a single change costs. Where nothing is synced yet, the demo comes first.
`make bench QUICK=1` needs no stack: smaller first syncs only.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import psycopg
import requests

from include.demo.__main__ import main as demo
from tests.bench import first_sync
from tests.bench.latency import measure


def main() -> int:
    """Measure and print the tables; what the demo says instead if that has to come first and fails."""
    quick = "quick" in sys.argv
    first_sync.table(1_000 if quick else 10_000, limited=300 if quick else 3_000)
    return 0 if quick else _on_the_stack()


def _on_the_stack() -> int:
    if not _is_synced():
        sys.stdout.write("Nothing is synced yet: the demo comes first.\n\n")
        if failed := demo():
            return failed
    rows = [
        ("dispatch with nothing to do, per plain round trip", _idle_dispatch()),
        ("API calls per synced record, whole history", _calls_per_record()),
        ("metered API calls per synced record, whole history", _calls_per_record(metered=True)),
    ]
    latency = measure()
    rows.append(("slowest of 20 invoices to QuickBooks, per median", max(latency.seconds) / latency.median))
    width = max(len(name) for name, _ in rows)
    for name, ratio in rows:
        sys.stdout.write(f"  {name:<{width}}  {ratio:8.2f}\n")
    sys.stdout.write(f"  (context: LMS commit to QuickBooks, median of 20: {latency.median:.2f} s)\n")
    return 0


def _lms() -> psycopg.Connection[Any]:
    return psycopg.connect(os.environ["LMS_DATABASE_URL"], autocommit=True)


def _idle_dispatch() -> float:
    """The watcher's question, against the smallest question there is."""
    with _lms() as connection:
        connection.execute("select qbo_sync.dispatch_lms_changes()")

        def median(statement: str) -> float:
            return statistics.median(_timed(lambda: connection.execute(statement.encode())) for _ in range(30))

        return median("select qbo_sync.dispatch_lms_changes()") / median("select 1")


def _timed(call: Callable[[], Any]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _is_synced() -> bool:
    with _lms() as connection:
        row = connection.execute("select exists (select from qbo_sync.entity_link where entity = 'invoice')").fetchone()
    return bool(row and row[0])


def _calls_per_record(*, metered: bool = False) -> float:
    with _lms() as connection:
        row = connection.execute(
            "select (select count(*) from qbo_sync.api_call where metered or not %s)::float"
            " / (select count(*) from qbo_sync.linked_record)",
            [metered],
        ).fetchone()
    return float(row[0]) if row else 0.0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (psycopg.OperationalError, KeyError, requests.ConnectionError) as error:
        sys.exit(f"make bench needs the running stack ({type(error).__name__}); start it with make up")
