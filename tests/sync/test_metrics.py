"""Metrics by Airflow's StatsD, as they arrive at a port: all that are documented, all that the dashboard shows."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from airflow.sdk.observability import stats
from airflow.sdk.observability.metrics.stats_utils import get_stats_factory

from include.company.metrics import METRICS
from include.orchestration.metrics import AirflowMetrics
from include.stack.postgres import PROJECT
from tests.support.alerting import tell
from tests.support.receivers import HOST, StatsD, statsd
from tests.support.world import World

DASHBOARD = PROJECT / "config/grafana/pilot-qbo-sync.json"
LINE = re.compile(r"airflow\.(?P<name>pilot\.[a-z_]+)(?P<tags>(?:,[a-z_]+=[^,:]+)*):(?P<value>[0-9.]+)\|(?P<kind>[cg])")


@pytest.fixture
def port(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[StatsD]:
    """Airflow's metrics on, as its configuration says; the world counts for them from now on."""
    with statsd() as listening:
        for name, value in {
            "STATSD_ON": "True",
            "STATSD_HOST": HOST,
            "STATSD_PORT": str(listening.port),
            "STATSD_INFLUXDB_ENABLED": "True",
        }.items():
            monkeypatch.setenv(f"AIRFLOW__METRICS__{name}", value)
        stats.initialize(factory=get_stats_factory(), export_legacy_names=False)
        world.runtime = replace(world.runtime, metrics=AirflowMetrics())
        world.sql("truncate qbo_sync.api_call")
        yield listening
    monkeypatch.undo()
    stats.initialize(factory=get_stats_factory(), export_legacy_names=False)


def counted(lines: list[str], name: str) -> Counter[tuple[str, ...]]:
    """What was added up under a name, by the values of its tags in their order."""
    found: Counter[tuple[str, ...]] = Counter()
    for match in filter(None, map(LINE.fullmatch, lines)):
        if match["name"] == name:
            tags = tuple(tag.partition("=")[2] for tag in match["tags"].split(",")[1:])
            found[tags] += int(float(match["value"]))
    return found


def test_what_happens_is_counted_as_it_is_in_the_tables_and_the_dashboard_shows_it(world: World, port: StatsD) -> None:
    world.simple_invoice(world.account("Bad: Name"))
    world.simple_invoice()
    world.both()
    world.poll_all(by_hand=True)
    world.simple_invoice()
    world.sql("select qbo_sync.dispatch_lms_changes()")
    world.sql("update qbo_sync.change_mark set marked_at = marked_at - interval '2 minutes'")
    world.sql("select qbo_sync.pause_throttle(%s, interval '5 seconds')", world.qbo.realm)
    world.capture()
    tell(world)
    lines = port.received()
    realm = world.qbo.realm

    assert [one for one in lines if "pilot" in one and not LINE.fullmatch(one)] == []
    names = {match["name"] for match in map(LINE.fullmatch, lines) if match}
    assert names == set(METRICS)
    shown = set(re.findall(r"airflow_(pilot_[a-z_]+)", DASHBOARD.read_text()))
    assert shown == {name.replace(".", "_") for name in METRICS}

    by_outcome = world.sql(
        "select dag_id, sum(created) as created, sum(failed) as failed, sum(unchanged) as unchanged"
        "  from qbo_sync.sync_run group by dag_id"
    )
    told = counted(lines, "pilot.records")
    for row in by_outcome:
        for outcome in ("created", "failed", "unchanged"):
            assert sum(n for tags, n in told.items() if set(tags) >= {row["dag_id"], outcome, realm}) == row[outcome]
    assert sum(told.values()) > 4
    calls = counted(lines, "pilot.api_calls")
    assert sum(calls.values()) == world.value("select count(*) from qbo_sync.api_call")
    assert all(realm in tags for tags in calls)
    assert sum(counted(lines, "pilot.throttle_waits").values()) >= 1
    assert sum(counted(lines, "pilot.throttle_wait_ms").values()) >= 100
    assert counted(lines, "pilot.open_errors") == {(realm,): len(world.errors())}
    assert counted(lines, "pilot.due_records")[realm,] == world.value("select count(*) from qbo_sync.due_mark") > 0
    assert 119 < counted(lines, "pilot.lag_seconds")[realm,] < 600
    assert counted(lines, "pilot.metered_calls_quota") == {(): 500_000}


def test_the_dashboard_is_one_that_grafana_reads() -> None:
    board = json.loads(DASHBOARD.read_text())
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"]) > 10
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert all(re.match(r"[a-z]", one) and one.count("(") == one.count(")") for one in expressions)


def test_nothing_is_sent_while_metrics_are_off(world: World) -> None:
    with statsd() as listening:
        world.runtime = replace(world.runtime, metrics=AirflowMetrics())
        tell(world)
        assert listening.received() == []
