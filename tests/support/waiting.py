"""Waiting for what the DAGs will have done."""

import time
from collections.abc import Callable
from typing import TypeVar

from tests.support.world import World

Found = TypeVar("Found")


def eventually(look: Callable[[], Found], seconds: float = 150) -> Found:
    """The first thing found that counts as true; a failure if there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s"
        time.sleep(0.3)
    return found


def becomes(look: Callable[[], Found], wanted: Found, seconds: float = 150) -> None:
    """Wait until this is what is found; a failure that says what was found instead."""
    deadline = time.monotonic() + seconds
    while (found := look()) != wanted:
        assert time.monotonic() < deadline, f"after {seconds:.0f} s still {found}, not {wanted}"
        time.sleep(0.3)


def changes_taken(lms: World) -> None:
    """Wait until the sync has taken note of every change so far.

    A new or changed connection has the open errors of its company tried again, and errors that a test makes up are
    resolved by that: they must come after it.
    """
    becomes(lambda: lms.value("select count(*) from qbo_sync.lms_change"), 0)


def nothing_is_due(world: World) -> None:
    """Wait until neither the LMS nor the company of this world has anything for the DAGs to do."""
    due = (
        "select exists (select from qbo_sync.lms_change)"
        "    or exists (select from qbo_sync.change_mark where realm_id = %s)"
        "    or exists (select from qbo_sync.write_intent where realm_id = %s)"
    )
    becomes(lambda: world.value(due, world.qbo.realm, world.qbo.realm), False)
