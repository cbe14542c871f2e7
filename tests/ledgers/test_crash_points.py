"""A worker may die after each of its effects (crashes.py): nothing is lost, nothing comes twice."""

import os
import random

import pytest

from tests.support.figures import Tell
from tests.support.ledgers.crashes import a_busy_day
from tests.support.world import World

#: `make test` tries one in so many, `make chaos` all: each in one of so many parts.
EVERY, PARTS = 20, 40


def _survive(world: World, begin: int, every: int, rng: random.Random, tell: Tell) -> None:
    """Deaths after the effects begin, begin + every, …; of every second worker the successor dies, too."""
    calm = a_busy_day(world)
    points = range(begin, len(calm.effects) + 1, every)
    tell("crash points enumerated", len(points))
    for number, point in enumerate(points):
        again = None if number % 2 else rng.randint(1, 60)
        found = a_busy_day(world, point, again)
        assert len(found.effects) == point
        assert found.books == calm.books, f"killed after effect {point}, {found.effects[-1]}; and after {again}"
        tell("crash points passed", 1)
        tell("crash points at which the successor died, too", int(found.successor_died))


@pytest.mark.timeout(900)
def test_a_worker_may_die_after_some_of_its_effects(world: World, tell: Tell) -> None:
    """One in twenty of them, always the same."""
    _survive(world, 3, EVERY, random.Random(1), tell)


@pytest.mark.chaos
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("part", range(PARTS))
def test_a_worker_may_die_after_each_of_its_effects(world: World, part: int, tell: Tell) -> None:
    """All of them; successors die at other points each time, unless PILOT_HISTORIES_SEED says which."""
    seed = int(os.environ.get("PILOT_HISTORIES_SEED") or random.randrange(10**6))
    print(f"PILOT_HISTORIES_SEED={seed}")
    _survive(world, part + 1, PARTS, random.Random(seed), tell)
