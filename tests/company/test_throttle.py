"""The request budget: all that Intuit allows a company, and never more (fact 3.1)."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from tests.support.world import World

SECOND, MINUTE = 1.0, 60.0
WINDOWS = [timedelta(seconds=1.2), timedelta(seconds=61)]


def reserved(world: World, rounds: int, limits: list[int], windows: list[timedelta]) -> list[float]:
    """The moments, in seconds from the first one, that so many times the greatest limit get which all come at once."""
    moments: list[datetime] = []
    for _ in range(rounds):
        world.sql(
            "select qbo_sync.reserve_request('1', 'request', %s, %s) from generate_series(1, %s)",
            limits,
            windows,
            max(limits),
        )
        moments += world.value("select slots from qbo_sync.throttle where realm_id = '1' and bucket = 'request'")
    return [(moment - moments[0]).total_seconds() for moment in moments]


def most_within(moments: list[float], seconds: float) -> int:
    """How many fall into the fullest window."""
    return max(sum(start <= one < start + seconds for one in moments) for start in moments)


def test_requests_use_what_is_allowed_and_no_more(world: World) -> None:
    moments = reserved(world, 3, [10, 500], WINDOWS)
    assert all(earlier <= later for earlier, later in pairwise(moments))
    assert most_within(moments, SECOND) == 10
    assert most_within(moments, MINUTE) == 500
    # 500 within the first minute, the next ones at 500 a minute (98% of it, for the longer windows).
    assert moments[499] < MINUTE
    assert moments[999] == pytest.approx(moments[499] + 61, abs=1)


def test_batches_use_what_is_allowed_and_no_more(world: World) -> None:
    moments = reserved(world, 3, [40], [timedelta(seconds=61)])
    assert most_within(moments, MINUTE) == 40
    assert moments[39] < 5
    assert moments[119] == pytest.approx(moments[39] + 122, abs=1)


def test_nothing_is_sent_before_a_pause_is_over(world: World) -> None:
    world.sql("select qbo_sync.reserve_request('1', 'request', %s, %s)", [10, 500], WINDOWS)
    world.sql("select qbo_sync.pause_throttle('1', interval '15 seconds')")
    row = world.sql("select qbo_sync.reserve_request('1', 'request', %s, %s) as seconds", [10, 500], WINDOWS)[0]
    assert row["seconds"] == pytest.approx(15, abs=5)


def test_nobody_waits_for_a_clock_that_was_ahead(world: World) -> None:
    """The database's clock was an hour ahead, and is right again."""
    world.sql("select qbo_sync.reserve_request('1', 'request', %s, %s)", [10, 500], WINDOWS)
    world.sql(
        "update qbo_sync.throttle set slots = slots || (clock_timestamp() + interval '1 hour') where realm_id = '1'"
    )
    row = world.sql("select qbo_sync.reserve_request('1', 'request', %s, %s) as seconds", [10, 500], WINDOWS)[0]
    assert row["seconds"] == pytest.approx(0, abs=5)
    assert len(world.value("select slots from qbo_sync.throttle where realm_id = '1'")) == 2
