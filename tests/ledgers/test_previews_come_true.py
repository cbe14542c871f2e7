"""Whatever people have done on both sides: what a preview says is what the sync then does (foretold.py)."""

import os
import random

import pytest

from tests.support.ledgers.foretold import foretell
from tests.support.world import World


@pytest.mark.timeout(900)
def test_previews_come_true(world: World) -> None:
    """Always the same worlds."""
    foretell(world, 10, 1)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("number", range(5))
def test_previews_come_true_for_long(world: World, number: int) -> None:
    """A hundred others each time, or those of a seed."""
    given = os.environ.get("PILOT_HISTORIES_SEED")
    foretell(world, 20, int(given) + number if given else random.randrange(10**6))
