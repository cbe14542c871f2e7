"""Whatever people have done on both sides: what a preview says is what the sync then does (previewed.py)."""

import os
import random

import pytest

from tests.support.ledgers.previewed import compare_previews
from tests.support.world import World


@pytest.mark.timeout(900)
def test_previews_match_the_sync(world: World) -> None:
    """Always the same worlds."""
    compare_previews(world, 10, 1)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("number", range(5))
def test_previews_match_the_sync_for_long(world: World, number: int) -> None:
    """A hundred others each time, or those of a seed."""
    given = os.environ.get("PILOT_HISTORIES_SEED")
    compare_previews(world, 20, int(given) + number if given else random.randrange(10**6))
