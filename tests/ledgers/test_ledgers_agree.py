"""Whatever happens on both sides: the ledgers agree (histories.py)."""

import os
import random

import pytest

from tests.support.ledgers.histories import AT_ONCE, agree
from tests.support.world import World

#: `make proof`: so many times as many, others each time, unless PILOT_HISTORIES_SEED says which.
LONG = 60


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [1])
def test_ledgers_agree(world: World, seed: int) -> None:
    """Always the same histories, so that what is green stays green."""
    agree(world, AT_ONCE, seed)


@pytest.mark.long
@pytest.mark.parametrize("number", range(LONG))
def test_ledgers_agree_for_long(world: World, number: int) -> None:
    """Other histories each time. With a seed in the environment: only those of that seed."""
    given = os.environ.get("PILOT_HISTORIES_SEED")
    if given and number:
        pytest.skip("PILOT_HISTORIES_SEED names one seed")
    agree(world, AT_ONCE, int(given) if given else random.randrange(10**6))
