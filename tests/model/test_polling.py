"""How often companies are polled: by their own needs, and within the month's quota."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from include.model.polling import (
    LONGEST,
    LONGEST_REST,
    Habits,
    PollSettings,
    Quota,
    early,
    month_around,
    next_poll,
    rest,
    stretch,
    stretched,
    wanted,
)

POLLS = PollSettings(
    base=timedelta(minutes=5), quiet=timedelta(minutes=30), webhooks=timedelta(hours=1), monthly_calls=500_000
)
FIRST, END = datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 12, 10, 12, tzinfo=UTC)


def habits(
    changed: timedelta | None = None, reported: timedelta | None = None, surprised: timedelta | None = None
) -> Habits:
    """Each so long ago."""

    def at(ago: timedelta | None) -> datetime | None:
        return None if ago is None else NOW - ago

    return Habits(changed_at=at(changed), reported_at=at(reported), surprised_at=at(surprised))


@pytest.mark.parametrize(
    ("unchanged", "minutes", "pace"),
    [
        (timedelta(0), 5, "busy"),
        (timedelta(minutes=50), 5, "busy"),
        (timedelta(minutes=100), 10, "quiet"),
        (timedelta(hours=5), 30, "quiet"),
        (timedelta(days=9), 30, "quiet"),
        (None, 30, "quiet"),
    ],
)
def test_a_company_is_asked_the_less_often_the_longer_nothing_changed(
    unchanged: timedelta | None, minutes: int, pace: str
) -> None:
    assert wanted(POLLS, habits(unchanged), NOW) == (timedelta(minutes=minutes), pace)


def test_one_whose_webhooks_work_is_asked_rarely() -> None:
    hour = timedelta(hours=1)
    assert wanted(POLLS, habits(hour, reported=hour), NOW) == (hour, "webhooks")
    assert wanted(POLLS, habits(hour, reported=hour, surprised=2 * hour), NOW) == (hour, "webhooks")
    for doubtful in (
        habits(timedelta(0), reported=timedelta(days=8)),
        habits(timedelta(0), reported=2 * hour, surprised=hour),
    ):
        assert wanted(POLLS, doubtful, NOW) == (POLLS.base, "busy")


def test_where_all_pauses_are_the_same_a_quiet_company_is_asked_as_often_as_the_others() -> None:
    half = timedelta(seconds=30)
    local = PollSettings(base=half, quiet=half, webhooks=half, monthly_calls=500_000)
    assert wanted(local, habits(), NOW) == (half, "quiet")
    assert wanted(local, habits(timedelta(days=1)), NOW) == (half, "quiet")
    assert wanted(local, habits(timedelta(minutes=4)), NOW) == (half, "busy")
    assert wanted(local, habits(reported=half), NOW) == (half, "webhooks")


@pytest.mark.parametrize("minutes", [5, 6, 7, 10, 11, 30])
def test_runs_every_five_minutes_keep_any_pause_on_average(minutes: int) -> None:
    pause, due_at, polls = timedelta(minutes=minutes), FIRST, 0
    for number in range(288):
        now = FIRST + number * POLLS.base
        if due_at <= now + early(POLLS.base):
            due_at, polls = next_poll(due_at, now, pause, POLLS.base), polls + 1
    assert polls == pytest.approx(24 * 60 / minutes, abs=1.5)


def test_the_pause_begins_anew_when_somebody_else_had_the_company_asked() -> None:
    for due_at in (NOW + timedelta(minutes=20), NOW - timedelta(days=2), None):
        assert next_poll(due_at, NOW, POLLS.base, POLLS.base) == NOW + POLLS.base


def polls_of_a_month(companies: Sequence[Habits], others_per_day: int = 0) -> list[int]:
    """The polls of each company in a month in which each always fares so, run by run; the quota is read each hour."""
    polls = others = 0
    of_each = [0] * len(companies)
    pauses = [wanted(POLLS, one, NOW)[0] for one in companies]
    due = [FIRST + number * POLLS.base / len(companies) for number in range(len(companies))]
    now, factor = FIRST, 1.0
    while now < END:
        if now.minute == 0:
            elapsed, left = now - FIRST, END - now
            quota = Quota(
                calls=POLLS.monthly_calls, used=polls + others, polls=polls, proofs=0, elapsed=elapsed, left=left
            )
            factor = stretch(pauses, quota)
        due_now = now + early(POLLS.base)
        for number, pause in enumerate(pauses):
            if due[number] <= due_now:
                due[number] = next_poll(due[number], now, stretched(pause, factor), POLLS.base)
                of_each[number] += 1
                polls += 1
        now += POLLS.base
        others = round(others_per_day * ((now - FIRST) / timedelta(days=1)))
    assert polls + others <= POLLS.monthly_calls
    return of_each


def test_two_hundred_companies_stay_below_the_quota_whatever_they_do() -> None:
    busy, quiet, webhooks = habits(timedelta(0)), habits(timedelta(days=2)), habits(reported=timedelta(0))
    mixed = polls_of_a_month([busy] * 60 + [quiet] * 100 + [webhooks] * 40, others_per_day=5_000)
    assert mixed[0] > 4 * mixed[60] > 6 * mixed[160] > 0, "who changes most is still asked most often"
    all_busy = polls_of_a_month([busy] * 200)
    assert sum(all_busy) > 0.9 * POLLS.monthly_calls, "and what there is is used"
    assert min(all_busy) > 0.9 * max(all_busy)


def test_one_company_is_never_slowed_down() -> None:
    assert polls_of_a_month([habits(timedelta(0))]) == [31 * 24 * 12]


def test_with_nothing_left_each_company_is_still_asked_once_a_day() -> None:
    spent = Quota(
        calls=500_000, used=500_000, polls=500_000, proofs=0, elapsed=timedelta(days=20), left=timedelta(days=11)
    )
    factor = stretch([POLLS.base] * 3, spent)
    assert stretched(POLLS.base, factor) == LONGEST
    assert stretched(2 * LONGEST, factor) == 2 * LONGEST
    assert (
        stretch([POLLS.base] * 3, Quota(calls=500_000, used=0, polls=0, proofs=0, elapsed=LONGEST, left=LONGEST)) == 1
    )


def test_what_the_sync_itself_will_read_is_not_given_to_polls() -> None:
    quota = Quota(
        calls=500_000, used=100_000, polls=20_000, proofs=7, elapsed=timedelta(days=10), left=timedelta(days=20)
    )
    assert quota.polls_left == pytest.approx(475_000 - 100_000 - 160_000)
    first_sync = Quota(
        calls=500_000, used=25_000, polls=0, proofs=0, elapsed=timedelta(hours=6), left=timedelta(days=30)
    )
    assert first_sync.polls_left == pytest.approx(450_000 / 2), "not every day is like that"
    assert quota.forecast([timedelta(days=1), timedelta(hours=12)]) == 100_000 + 160_000 + 20 + 40


def test_a_company_that_fails_rests_longer_each_time() -> None:
    assert [rest(number).total_seconds() for number in range(1, 8)] == [30, 60, 120, 240, 480, 900, 900]
    assert rest(10_000) == LONGEST_REST


def test_a_month_begins_and_ends_in_utc() -> None:
    assert month_around(datetime(2026, 12, 31, 23, 59, 58, 7, tzinfo=UTC)) == (FIRST, END)


def test_pauses_are_stretched_by_as_much_as_the_polls_are_too_many() -> None:
    hour, left = timedelta(hours=1), timedelta(hours=950)
    quota = Quota(calls=1000, used=0, polls=0, proofs=0, elapsed=left, left=left)
    assert quota.polls_left == 950
    assert stretch([2 * hour] * 2, quota) == 1
    assert stretch([hour] * 2, quota) == 2
    assert stretch([hour] * 2, replace(quota, used=1000)) == float("inf")
    assert stretched(timedelta(minutes=30), 2) == timedelta(hours=1)
    assert stretched(timedelta(hours=1), 23.5) == timedelta(hours=23.5)
    assert stretched(timedelta(hours=1), 24.5) == LONGEST


def test_webhooks_that_reported_a_week_ago_still_count_and_not_if_something_else_came_at_that_moment() -> None:
    week = timedelta(days=7)
    assert wanted(POLLS, habits(week, reported=week), NOW)[1] == "webhooks"
    assert wanted(POLLS, habits(week, reported=week, surprised=week), NOW)[1] != "webhooks"


def test_a_company_asked_a_quarter_of_the_base_early_is_in_turn() -> None:
    assert early(POLLS.base) == POLLS.base / 4
    due = NOW + early(POLLS.base)
    assert next_poll(due, NOW, POLLS.quiet, POLLS.base) == due + POLLS.quiet
    assert next_poll(NOW - POLLS.base, NOW, POLLS.quiet, POLLS.base) == NOW - POLLS.base + POLLS.quiet
    earlier = due + timedelta(seconds=1)
    assert next_poll(earlier, NOW, POLLS.quiet, POLLS.base) == NOW + POLLS.quiet
