"""Poison of the LMS: each record ends in one sync error in plain words, or is synced right; none stops another."""

import time

import pytest

from tests.support.poison import Poisoner, judge_sent
from tests.support.world import World


@pytest.mark.rule("8.3.a")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_poison_in_the_lms_ends_in_words_and_stops_nothing_else(world: World, seed: int) -> None:
    planted = Poisoner(world, seed).plant(250)
    world.sync()
    ends = judge_sent(world, planted)
    assert ends["poison: validation_failed"] > 20
    assert ends["poison: synced"] > 20
    # Again, with everything: nobody changes his mind, and nothing is there twice.
    world.resync()
    assert judge_sent(world, planted) == ends


@pytest.mark.long
def test_ten_thousand_poisoned_records(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    planted = Poisoner(world, seed=4).plant(10_000)
    began = time.monotonic()
    world.sync(rounds=15)
    ends = judge_sent(world, planted)
    with capsys.disabled():
        print(f"\n10,000 records of the LMS in {time.monotonic() - began:.0f} s")
        for end, count in sorted(ends.items()):
            print(f"  {end:<50}{count:>8,}")
