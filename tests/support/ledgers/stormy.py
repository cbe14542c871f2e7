"""Histories in which QuickBooks fails and workers die while people go on with their work (histories.py, killed.py)."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from include.migrations import roles
from include.qbo.errors import QboError
from tests.support.connections import Connections, as_role
from tests.support.ledgers.histories import Ledgers, run_histories
from tests.support.ledgers.killed import Killed, WatchedConnection, Worker
from tests.support.world import World

#: What the sandbox can do wrong for a while and a later run puts right. The others need a person: a grant that is
#: refused (http_401, http_403, auth_120), a record that QuickBooks does not take (fault).
WEATHER = (
    "timeout_before", "timeout_after", "drop_connection", "http_500", "http_500_after", "http_502", "http_503",
    "http_503_after", "http_504", "http_429", "item_throttle", "garbage", "http_200_fault", "fault_6000_after",
)  # fmt: skip

#: Of the requests, how many fail in each of the kinds; and seconds that one of them hangs.
PROBABILITY, HANGS = 0.2, 0.05

#: What is not sure of QuickBooks (include/sandbox/switches.py), in its other position. Not those with which QuickBooks
#: shows people, and the judges, something else than it has, nor those that refuse what the sync then has to report.
DOUBTS = {
    "batch_order": "reverse",
    "balance_touches_customer": True,
    "cdc_inclusive": False,
    "cdc_lag_seconds": 1,
    "cdc_per_entity_cap": True,
    "default_order": "newest_first",
    "empty_application": "delete",
    "move_touches_descendants": True,
    "paid_invoice_delete": "refuse",
    "requestid_keeps_faults": True,
    "requestid_other_body": "refuse",
}

KINDS = st.lists(st.sampled_from(WEATHER), min_size=1, max_size=4, unique=True)
EFFECTS = st.integers(1, 60)

#: Seconds for the whole of a step's requests: long enough for all of them, and no second attempt within the step.
_IN_A_HURRY = 60.0


@dataclass
class Counted:
    """What went wrong in some histories."""

    deaths: int = 0
    #: Requests that failed, by kind.
    failures: Counter[str] = field(default_factory=Counter)


class Stormy(Ledgers):
    """The same people, and what goes wrong around them."""

    def __init__(self, home: World, counted: Counted, connections: Connections[WatchedConnection]) -> None:
        super().__init__(home)
        self._counted, self._connections = counted, connections
        #: What fails at present, and after how many of its effects the next worker dies.
        self.weather: list[str] = []
        #: Whether it fails right now.
        self._failing = False
        #: Of the dice: with the same one, the same history fails at the same places.
        self._seed = 0
        self.dies_after: int | None = None

    @initialize(
        kinds=KINDS,
        after=EFFECTS,
        seeded=st.integers(0, 10**6),
        doubts=st.lists(st.sampled_from(sorted(DOUBTS)), max_size=4, unique=True),
    )
    def from_the_beginning(self, kinds: list[str], after: int, seeded: int, doubts: list[str]) -> None:
        self.weather, self.dies_after, self._seed = kinds, after, seeded
        self._switch({name: DOUBTS[name] for name in doubts})

    def _switch(self, positions: Mapping[str, object]) -> None:
        self.world.qbo.control("POST", f"companies/{self.world.qbo.realm}/switches", positions)

    @rule(kinds=KINDS)
    def the_weather_turns(self, kinds: list[str]) -> None:
        self.weather = kinds

    @rule(after=EFFECTS)
    def a_worker_dies(self, after: int) -> None:
        self.dies_after = after

    @rule(after=EFFECTS)
    def one_worker_after_the_other_dies(self, after: int) -> None:
        """Before each has done much."""
        for more in range(3):
            self.dies_after = after + more
            self._everything()

    def _everything(self) -> None:
        with self._in_the_weather():
            super()._everything()

    def _work(self, dag_id: str, *, finished: bool, resync: bool) -> None:
        with self._whatever_happens():
            super()._work(dag_id, finished=finished, resync=resync)

    def _capture(self) -> None:
        with self._whatever_happens():
            super()._capture()

    @contextmanager
    def _whatever_happens(self) -> Iterator[None]:
        """The task fails, and is left to later runs."""
        if not self.weather and self.dies_after is None:
            yield
            return
        untroubled, worker = self.world.runtime, Worker(self._connections, self.dies_after)
        self.world.runtime = replace(untroubled, connect=worker.connect).hurried(_IN_A_HURRY)
        try:
            with self._in_the_weather(), worker.at_work(), suppress(QboError):
                yield
        except Killed:
            self.dies_after = None
            self._counted.deaths += 1
        finally:
            self.world.runtime = untroubled

    @contextmanager
    def _in_the_weather(self) -> Iterator[None]:
        """QuickBooks fails whoever works, and not the people: for a whole round at once, to ask the sandbox less."""
        if not self.weather or self._failing:
            yield
            return
        self._seed += 1
        fault = {"probability": PROBABILITY, "seed": self._seed, "seconds": HANGS, "realm": self.world.qbo.realm}
        for kind in self.weather:
            self.world.qbo.control("POST", "faults", {**fault, "kind": kind})
        self._failing = True
        try:
            yield
        finally:
            self._failing = False
            self._counted.failures.update(
                {one["kind"]: one["hits"] for one in self.world.qbo.control("GET", "faults") if one["hits"]}
            )
            self.world.qbo.control("DELETE", "faults")

    def teardown(self) -> None:
        """What people have left to do is worked in the storm, before it is over."""
        for round_ in range(3):
            self.dies_after = self.dies_after or 5 + 11 * round_
            self._everything()
            self._let_time_pass()
        self.weather, self.dies_after = [], None
        # What it has kept back is seen from now on.
        self._switch({"cdc_lag_seconds": None})
        super().teardown()


def stand_storms(world: World, histories: int, seeded: int, steps: int) -> Counted:
    """Histories of up to so many steps after which both ledgers agree, whatever failed on the way; what that was."""
    counted = Counted()
    with closing(Connections(WatchedConnection, as_role(world.database_url, roles.PIPELINE))) as connections:
        run_histories(partial(Stormy, counted=counted, connections=connections), world, histories, seeded, steps)
    return counted
