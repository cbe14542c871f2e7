"""Whatever people have done on both sides: a preview says what the sync then does.

A history as in histories.py, without half-finished runs and lost answers; then a preview, then everything until nothing
is due. Nothing changes in between, so each record fares as the preview said.
"""

from functools import partial
from typing import Any

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.support.ledgers.histories import Ledgers
from tests.support.previews import differences, foretold, happened, last_outcome
from tests.support.world import World


class Foretold(Ledgers):
    """A history that ends with a preview and a sync."""

    run_to_quickbooks: Any = None
    run_to_the_lms: Any = None
    run_over_everything: Any = None
    go_on_with_a_run: Any = None
    run_that_loses_an_answer: Any = None

    def teardown(self) -> None:
        """Preview, sync, compare."""
        said = foretold(self.world.preview())
        before = last_outcome(self.world)
        self._quiet()
        assert differences(said, happened(self.world, before)) == []


def foretell(world: World, histories: int, seeded: int, steps: int = 40) -> None:
    """Run so many histories; the same ones for the same seed."""
    print(f"PILOT_HISTORIES_SEED={seeded}")
    run_state_machine_as_test(
        seed(seeded)(partial(Foretold, world)),  # type: ignore[arg-type]  # it calls what makes one
        settings=settings(
            max_examples=histories,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
