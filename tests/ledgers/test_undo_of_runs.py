"""Whatever people have done on both sides: undo brings both ledgers back (undone.py)."""

import os
import random

import pytest

from tests.support.ledgers.undone import undo_runs
from tests.support.world import World


@pytest.mark.timeout(900)
def test_undo_brings_both_ledgers_back(world: World) -> None:
    """Always the same histories."""
    undo_runs(world, 5, 1)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("number", range(5))
def test_undo_brings_both_ledgers_back_for_long(world: World, number: int) -> None:
    """A hundred others each time, or those of a seed."""
    given = os.environ.get("PILOT_HISTORIES_SEED")
    undo_runs(world, 20, int(given) + number if given else random.randrange(10**6))
