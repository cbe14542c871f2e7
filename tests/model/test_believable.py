"""When what change capture has read is believed without asking again."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from include.model.captured import YOUNG, Captured, is_believable

JUST_READ = Captured(
    sync_token="3",
    body={"Id": "1"},
    age=timedelta(seconds=5),
    last_seen="3",
    linked="2",
    marked_since=False,
    written_since=False,
)
DELETED = replace(JUST_READ, sync_token=None, body=None, last_seen=None)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"age": YOUNG},
        {"linked": None},
        {"linked": None, "sync_token": "0", "last_seen": "0"},
        {"linked": "3"},
        {"sync_token": "10", "last_seen": "10", "linked": "9"},
    ],
)
def test_what_was_just_read_and_nothing_has_touched_since_is_believed(change: dict[str, Any]) -> None:
    assert is_believable(replace(JUST_READ, **change))


@pytest.mark.parametrize(
    "change",
    [
        {"age": YOUNG + timedelta(seconds=1)},
        {"age": -timedelta(seconds=1)},  # read while the database's clock was ahead
        {"marked_since": True},
        {"written_since": True},
        {"last_seen": "4"},
        {"last_seen": None},
        {"linked": "4"},
        {"sync_token": "9", "last_seen": "9", "linked": "10"},
    ],
)
def test_what_may_not_be_so_any_more_is_not(change: dict[str, Any]) -> None:
    assert not is_believable(replace(JUST_READ, **change))


def test_what_was_deleted_stays_deleted_unless_it_was_seen_alive() -> None:
    assert is_believable(DELETED)
    assert not is_believable(replace(DELETED, last_seen="4"))
    assert not is_believable(replace(DELETED, age=YOUNG * 2))
