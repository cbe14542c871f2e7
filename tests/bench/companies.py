"""Many companies on a private stack of their own: `python -m tests.bench.companies [companies]`.

Each company has five labs. Measured at growing numbers of companies, with everything else the same: how long changes
take that are made at once in twenty of the companies, and what an idle minute costs in CPU, polls of QuickBooks every
30 seconds included.
"""

import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil

from include.stack.ports import Ports
from include.stack.stack import Stack
from tests.support.quickbooks import make_company
from tests.support.world import World, world_on

LABS, AT_ONCE = 5, 20
#: Seconds after which what has not arrived counts as lost.
GIVE_UP = 600.0

Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What so many companies cost."""

    companies: int
    #: Seconds from the commit in the LMS to the link of the invoice, of one change in each of some companies at once.
    seconds: Sequence[float]
    #: CPU seconds of a minute in which nothing happens, by part of the stack.
    idle: dict[str, float]
    #: Calls to QuickBooks in that minute.
    idle_calls: int

    def __str__(self) -> str:
        """One line."""
        return (
            f"{self.companies:>5} companies: {len(self.seconds)} changes at once, median"
            f" {statistics.median(self.seconds):.1f} s, last {max(self.seconds):.1f} s; an idle minute costs"
            f" {sum(self.idle.values()):.1f} CPU seconds ({by_part(self.idle, 1)}) and"
            f" {self.idle_calls} calls to QuickBooks"
        )


def main() -> None:
    """Measure at 1, 10, 50 … companies, up to so many."""
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    for one in measure([number for number in (1, 10, 50, 100) if number < most] + [most]):
        print(one, flush=True)


def measure(numbers: Sequence[int]) -> list[Measured]:
    """Grow a stack to these numbers of companies, and measure at each."""
    found = []
    # Else the polls of so many companies would be spread over the month (decision 0028).
    os.environ["PILOT_QBO_MONTHLY_CALLS"] = "1000000000"
    with tempfile.TemporaryDirectory() as state:
        stack = Stack(Path(state), Ports.free())
        stack.up()
        try:
            with world_on(stack) as world:
                company = Companies(world)
                for number in numbers:
                    company.grow(number)
                    seconds = company.change_at_once(min(AT_ONCE, number))
                    idle, calls = company.idle_minute(stack)
                    found.append(Measured(companies=number, seconds=seconds, idle=idle, idle_calls=calls))
                    print(found[-1], file=sys.stderr, flush=True)
        finally:
            stack.down()
    return found


class Companies:
    """The companies of a stack, each with five labs, a practice and a product that all of them know."""

    def __init__(self, world: World) -> None:
        """The world's own lab is the first."""
        self._world = world
        self._labs = [world.lab]
        self._pair, self._product = world.pair(world.account("Lakeside Dental")), world.product("Crown")

    def grow(self, number: int) -> None:
        """So many companies, of each of which an invoice has reached QuickBooks; then quiet.

        They come AT_ONCE at a time: a hundred first syncs together would be an overload, and that is not measured here.
        """
        while len(self._labs) < number:
            self._add(min(number, len(self._labs) + AT_ONCE))
            # The first poll of a company compares everything; then its first invoice brings the customer and the item.
            self._until("select count(*) from qbo_sync.qbo_cursor", len(self._labs))
            self.wait_for([self._invoice(lab) for lab in self._labs if not self._has_invoice(lab)])
        self.wait_for([self._invoice(lab) for lab in self._labs if not self._has_invoice(lab)])
        time.sleep(60)

    def _add(self, number: int) -> None:
        """Connect companies until there are so many."""
        while len(self._labs) < number:
            lab = self._world.billing_lab(f"Lab {len(self._labs)}")
            self._world.connect(lab, make_company(self._world.qbo.url, f"Company {len(self._labs):03d}"))
            self._labs.append(lab)
            self._world.sql(
                "with others as (insert into lms.billing_lab (name) select name || ' / ' || n from lms.billing_lab,"
                "   generate_series(2, %s) n where id = %s returning id)"
                " insert into qbo_sync.connection (billing_lab_id, realm_id, income_account_id, deposit_account_id)"
                " select o.id, c.realm_id, c.income_account_id, c.deposit_account_id"
                "   from others o, qbo_sync.connection c where c.billing_lab_id = %s",
                LABS,
                lab,
                lab,
            )

    def change_at_once(self, number: int) -> list[float]:
        """An invoice in each of so many companies, committed together; the seconds that each took."""
        step = len(self._labs) // number
        with self._world.connection.transaction():
            invoices = [self._invoice(lab) for lab in self._labs[::step][:number]]
        return self.wait_for(invoices)

    def idle_minute(self, stack: Stack) -> tuple[dict[str, float], int]:
        """CPU seconds by part of the stack, and the calls to QuickBooks."""
        time.sleep(45)
        self._world.qbo.control("POST", "stats/reset")
        _, used = cpu_of(stack, lambda: time.sleep(60))
        return used, int(self._world.qbo.control("GET", "stats")["requests"]["total"])

    def _has_invoice(self, lab: int) -> bool:
        return bool(self._world.sql("select 1 from lms.invoice where billing_lab_id = %s limit 1", lab))

    def _invoice(self, lab: int) -> int:
        return self._world.invoice(self._world.case(self._pair, [{"product": self._product}], lab=lab))

    def invoice(self, number: int) -> int:
        """An invoice of one of the companies, in turn."""
        return self._invoice(self._labs[number % len(self._labs)])

    def wait_for(self, invoices: Sequence[int]) -> list[float]:
        """Until all of them are linked; the seconds that each took from now."""
        return arrivals(
            self._world,
            "select lms_id as id from qbo_sync.entity_link where entity = 'invoice' and lms_id = any(%s)",
            invoices,
        )

    def _until(self, statement: str, number: int) -> None:
        started = time.monotonic()
        while self._world.value(statement) < number:
            if time.monotonic() - started > GIVE_UP:
                raise RuntimeError(f"{statement}: {self._world.value(statement)}, not {number}")
            time.sleep(1)


def arrivals(world: World, statement: str, wanted: Sequence[int | str]) -> list[float]:
    """Until the statement has found all of these ids; the seconds that each took from now."""
    started, arrived = time.monotonic(), dict[int | str, float]()
    while len(arrived) < len(wanted):
        for row in world.sql(statement, list(wanted)):
            arrived.setdefault(row["id"], time.monotonic() - started)
        if time.monotonic() - started > GIVE_UP:
            raise RuntimeError(f"{len(wanted) - len(arrived)} of {len(wanted)} records did not arrive")
        time.sleep(0.1)
    return list(arrived.values())


def by_part(cpu: Mapping[str, float], digits: int) -> str:
    """CPU seconds of each part of the stack, for people."""
    return ", ".join(f"{part} {used:.{digits}f}" for part, used in cpu.items())


def cpu_of(stack: Stack, work: Callable[[], Result]) -> tuple[Result, dict[str, float]]:
    """What the work returns, and the CPU seconds that each part of the stack used meanwhile."""
    before = cpu_seconds(stack)
    result = work()
    return result, {part: seconds - before[part] for part, seconds in cpu_seconds(stack).items()}


def cpu_seconds(stack: Stack) -> dict[str, float]:
    """CPU seconds so far of each part of the stack, with the processes that it has started."""
    used = {}
    for part in stack.parts():
        pid = stack.processes.pid(part)
        own = psutil.Process(pid) if pid else None
        family = [own, *own.children(recursive=True)] if own else []
        used[part] = 0.0
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                used[part] += sum(process.cpu_times()[:4])
    return used


if __name__ == "__main__":
    main()
