"""The other half of test_ledgers_agree.py."""

import pytest

from tests.ledgers.histories import agree
from tests.ledgers.test_ledgers_agree import AT_ONCE
from tests.world import World


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [4, 5, 6])
def test_ledgers_agree_too(world: World, seed: int) -> None:
    """Always the same histories."""
    agree(world, AT_ONCE, seed)
