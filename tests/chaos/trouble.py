"""What goes wrong with the stack: each kind of fault, drawn from a seed, for some seconds, and then right again."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

import psutil
import psycopg
import requests

from include.stack import airflow, postgres
from tests.chaos.house import CLOCK_NOTICED, HEARTBEAT, LMS, METADATA, QUICKBOOKS, House, is_task
from tests.chaos.network import How
from tests.support.ledgers.stormy import PROBABILITY, WEATHER

#: What the sandbox can do wrong and nobody has to mend, slow answers and an answer that is too large included.
BAD_WEATHER = (*WEATHER, "slow", "html_413")
HOWS: tuple[How, ...] = ("cut", "stalled", "answers lost")
#: Seconds by which the database's clock is moved, and Intuit's, which goes on (back: within the overlap).
JUMPS, JUMPS_OF_INTUIT = (-3600, -600, -90, 90, 600, 3600), (-60, 30, 300, 900)
#: Seconds that a troublemaker waits for a task to succeed between two troubles.
PATIENCE = 90.0

#: There was nothing to be troubled: no fault.
_NOTHING = ""
#: Of a kind that is drawn twice as often.
_AGAIN = " again"


class Diary:
    """What went wrong, and when: printed as it ends, so that a run that never comes to its table has told it, too."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self.made: Counter[str] = Counter()
        #: Parts that were killed, and so did not end by themselves.
        self.killed: Counter[str] = Counter()

    def now(self) -> float:
        """Seconds since it was begun."""
        return time.monotonic() - self._began

    def note(self, began: float, what: str, times: int = 1) -> None:
        """It went wrong so many times from then until now."""
        with self._lock:
            self.made[what] += times
            print(f"  {began:7.1f} to {self.now():7.1f} s  {what}{f' × {times}' if times != 1 else ''}", flush=True)


class Troublemaker:
    """Makes one trouble after the other, until it is told that it is over. Several may do so at once."""

    def __init__(self, house: House, seed: int, over: threading.Event, diary: Diary) -> None:
        self._house, self._over, self._diary = house, over, diary
        self._rng = random.Random(seed)
        self._sandbox = f"http://127.0.0.1:{house.ports.sandbox}/sandbox"

    def run(self) -> None:
        """Kinds in an order of chance, each as often as the others; after each a moment in which work is done."""
        deck: list[str] = []
        kinds = self._kinds()
        while not self._over.wait(self._rng.uniform(2, 9)):
            if not deck:
                deck = self._rng.sample(list(kinds), len(kinds))
            kind, began = deck.pop(), self._diary.now()
            try:
                how = kinds[kind]()
            except (psutil.Error, psycopg.Error, requests.RequestException, ProcessLookupError):
                how = _NOTHING
            if how != _NOTHING:
                self._diary.note(began, f"{kind.removesuffix(_AGAIN)}: {how}")
            self._let_them_work()

    def _let_them_work(self) -> None:
        """Until a task has succeeded, if one does soon: where a scheduler takes a minute to start, troubles that follow
        each other at once would only ever meet a stack that does nothing."""
        before, patience = None, time.monotonic() + PATIENCE
        while time.monotonic() < patience:
            done = self._house.tasks_done()
            before = done if before is None else before
            if (done is not None and before is not None and done > before) or self._over.wait(1):
                return

    def _kinds(self) -> dict[str, Callable[[], str]]:
        kinds: dict[str, Callable[[], str]] = {
            **{f"SIGKILL {name}": partial(self._kill_part, name) for name in airflow.COMMANDS},
            "SIGKILL QuickBooks (the sandbox)": partial(self._kill_part, "sandbox"),
            "SIGKILL PostgreSQL": partial(self._kill_part, "postgres"),
            "SIGKILL one of PostgreSQL's sessions": self._kill_session,
            "SIGKILL tasks": self._kill_tasks,
            "sessions ended by PostgreSQL": self._end_sessions,
            "SIGSTOP": self._freeze,
            "all connections of PostgreSQL in use": self._use_up_connections,
            "partition": self._part,
            "QuickBooks fails": self._bad_weather,
            "access tokens end": self._expire_tokens,
            "Intuit's clock moved": self._move_intuits_clock,
        }
        if self._house.disk:
            kinds["PostgreSQL's disk full"] = self._fill_disk
        if self._house.faketime:
            kinds["the database's clock moved"] = self._move_clock
        # Tasks come and go: they are what most depends on.
        return {**kinds, f"SIGKILL tasks{_AGAIN}": self._kill_tasks, f"partition{_AGAIN}": self._part}

    def _for(self, shortest: float, longest: float) -> float:
        """Wait so long, or until all is over."""
        seconds = self._rng.uniform(shortest, longest)
        self._over.wait(seconds)
        return seconds

    # ------------------------------------------------------------------------------------------ processes

    def _kill_part(self, name: str) -> str:
        """Alone, so that what it has started lives on for a moment, or with all of that."""
        family = self._house.family(name)
        if not family:
            return _NOTHING
        doomed = family if self._rng.random() < 0.5 else family[:1]
        for process in doomed:
            with suppress(psutil.Error):
                process.kill()
        self._diary.killed[name] += 1
        return "with what it has started" if len(doomed) > 1 else "alone"

    def _kill_tasks(self) -> str:
        """Some of those that run, once any does."""
        deadline = time.monotonic() + 10
        while not (tasks := self._house.tasks()) and time.monotonic() < deadline and not self._over.wait(0.1):
            pass
        self._over.wait(self._rng.uniform(0, 1.0))
        doomed, killed = [one for one in tasks if self._rng.random() < 0.7] or tasks[:1], 0
        for process in doomed:
            with suppress(psutil.Error):
                process.suspend()  # so that it cannot become idle between the look and the blow
                if is_task(process):
                    process.kill()
                    killed += 1
                else:
                    process.resume()
        return "some or all" if killed else _NOTHING

    def _kill_session(self) -> str:
        found = self._house.sessions()
        if not found:
            return _NOTHING
        self._rng.choice(found).kill()
        return "and it starts all anew"

    def _end_sessions(self) -> str:
        with psycopg.connect(self._house.superuser_url(), autocommit=True, connect_timeout=5) as connection:
            ended = connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = any(%s) and random() < %s",
                [[postgres.LMS_DATABASE, postgres.AIRFLOW_DATABASE], self._rng.choice([0.1, 0.5, 1.0])],
            ).fetchall()
        return "some of them" if ended else _NOTHING

    def _freeze(self) -> str:
        """A part, a task or a session; also for longer than heartbeats and lock time-outs (30 s) may be."""
        what = self._rng.choice([*airflow.COMMANDS, "sandbox", "postgres", "tasks", "tasks", "sessions"])
        if what in ("tasks", "sessions"):
            found = self._house.tasks() if what == "tasks" else self._house.sessions()
            frozen = [one for one in found if self._rng.random() < 0.5]
        else:
            frozen = self._house.family(what)
        if not frozen:
            return _NOTHING
        with self._stopped(frozen):
            seconds = self._for(4, HEARTBEAT * 1.5)
        return f"{what}, {'longer than a heartbeat' if seconds > HEARTBEAT else 'for less than a heartbeat'}"

    @contextmanager
    def _stopped(self, processes: Sequence[psutil.Process]) -> Iterator[None]:
        for process in processes:
            with suppress(psutil.Error):
                process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                with suppress(psutil.Error):
                    process.send_signal(signal.SIGCONT)

    # ------------------------------------------------------------------------------------------ the database

    def _use_up_connections(self) -> str:
        with ExitStack() as held:
            end = time.monotonic() + self._rng.uniform(5, 20)
            while time.monotonic() < end and not self._over.is_set():
                try:
                    held.enter_context(
                        psycopg.connect(self._house.environment()["LMS_DATABASE_URL"], connect_timeout=2)
                    )
                except psycopg.OperationalError:
                    self._over.wait(0.2)
        return "5 to 20 s"

    def _fill_disk(self) -> str:
        self._house.fill_disk()
        try:
            self._for(4, 25)
        finally:
            self._house.free_disk()
        return "4 to 25 s"

    # ------------------------------------------------------------------------------------------ network, clocks, Intuit

    def _part(self) -> str:
        where, how = self._rng.choice([LMS, LMS, METADATA, QUICKBOOKS, QUICKBOOKS]), self._rng.choice(HOWS)
        line = self._house.lines[where]
        line.part(how)
        try:
            self._for(3, 45)
        finally:
            line.heal(connections_end=self._rng.random() < 0.5)
        return f"{where}, {how}"

    def _move_clock(self) -> str:
        seconds = self._rng.choice(JUMPS)
        self._house.move_clock(seconds)
        try:
            self._for(CLOCK_NOTICED + 5, 40)
        finally:
            self._house.move_clock(0)
        return "ahead" if seconds > 0 else "back"

    def _move_intuits_clock(self) -> str:
        seconds = self._rng.choice(JUMPS_OF_INTUIT)
        self._tell("POST", "clock", {"advance_seconds": seconds})
        return "ahead" if seconds > 0 else "back"

    def _bad_weather(self) -> str:
        """Of its requests, a fifth fails in each of up to four ways."""
        kinds = self._rng.sample(BAD_WEATHER, self._rng.randint(1, 4))
        with bad_weather(self._sandbox, kinds, self._rng.choice([2.0, 5.0, 40.0])):
            self._for(8, 40)
        return "8 to 40 s"

    def _expire_tokens(self) -> str:
        self._tell("POST", "expire-access-tokens", {})
        return "all"

    def _tell(self, method: str, path: str, body: dict[str, object]) -> None:
        requests.request(method, f"{self._sandbox}/{path}", json=body, timeout=10).raise_for_status()


@contextmanager
def bad_weather(sandbox: str, kinds: Sequence[str], hangs: float) -> Iterator[None]:
    """Each of these kinds with its probability, until the block ends: then no fault is in force."""
    for kind in kinds:
        fault = {"kind": kind, "probability": PROBABILITY, "seconds": hangs}
        requests.post(f"{sandbox}/faults", json=fault, timeout=10).raise_for_status()
    try:
        yield
    finally:
        with suppress(requests.RequestException):  # killed or frozen: it forgets them, or is told in the end
            requests.delete(f"{sandbox}/faults", timeout=10)


def make_right(house: House) -> None:
    """Whatever a trouble has left behind is right: nothing is frozen, parted, full or at another time."""
    for name in house.parts():
        for process in house.family(name):
            with suppress(psutil.Error):
                os.kill(process.pid, signal.SIGCONT)
    for line in house.lines.values():
        line.heal(connections_end=False)
    if house.disk:
        house.free_disk()
    house.move_clock(0)
