"""Whatever people have done on both sides: what a preview says is what the sync then does (foretold.py)."""

import random

import pytest

from tests.support.ledgers.foretold import foretell
from tests.support.world import World


@pytest.mark.timeout(900)
def test_previews_come_true(world: World) -> None:
    """Always the same worlds."""
    foretell(world, 10, 1)


@pytest.mark.long
def test_previews_come_true_for_long(world: World) -> None:
    """A hundred others each time."""
    foretell(world, 100, random.randrange(10**6))
