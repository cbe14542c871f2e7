"""The other half of test_ledgers_agree.py."""

import pytest

from tests.support.ledgers.histories import AT_ONCE, agree
from tests.support.world import World


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [4, 5, 6])
def test_ledgers_agree_too(world: World, seed: int) -> None:
    """Always the same histories."""
    agree(world, AT_ONCE, seed)
