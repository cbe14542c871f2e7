"""How long single changes take on a private stack: `python -m tests.bench.latency_of_changes [singles] [payments]
[minutes]`.

First one after the other, with the stack idle in between: from the commit in the LMS to the link of the invoice; and
from QuickBooks' answer to whoever takes a payment there, through its webhook, to the payment in the LMS. Then twenty
changes a second over some minutes, spread over ten companies.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from include.stack.ports import Ports
from include.stack.stack import Stack
from tests.bench.companies import Companies, arrivals, by_part, cpu_of
from tests.support.world import World, world_on

COMPANIES, A_SECOND = 10, 20
#: Between two payments in QuickBooks: a company is asked by webhook at most every ten seconds.
QUIET = 11.0


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Changes of one kind."""

    name: str
    #: How long each took.
    seconds: Sequence[float]
    #: CPU seconds for each of them, by part of the stack.
    cpu: dict[str, float]

    @property
    def median(self) -> float:
        """Half of them took no longer."""
        return statistics.median(self.seconds)

    @property
    def slow(self) -> float:
        """Nineteen of twenty took no longer."""
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(len(self.seconds) * 0.95))]

    def __str__(self) -> str:
        """One line."""
        return (
            f"{self.name}: {len(self.seconds)} changes, median {self.median:.1f} s, 95% within {self.slow:.1f} s;"
            f" {sum(self.cpu.values()):.2f} CPU seconds each ({by_part(self.cpu, 2)})"
        )


def main() -> None:
    """Print the medians and the slowest twentieth."""
    singles = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    payments = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    minutes = float(sys.argv[3]) if len(sys.argv) > 3 else 5
    for one in measure(singles, payments, minutes):
        print(one)


def measure(singles: int, payments: int, minutes: float) -> list[Measured]:
    """On one stack."""
    with tempfile.TemporaryDirectory() as state:
        stack = Stack(Path(state), Ports.free())
        stack.up()
        try:
            with world_on(stack) as world:
                companies = Companies(world)
                companies.grow(1)
                found = [
                    _measured(stack, "LMS to QuickBooks, idle", lambda: _one_by_one(companies, singles)),
                    _measured(
                        stack, "QuickBooks to LMS by webhook, idle", lambda: payments_in_quickbooks(world, payments)
                    ),
                ]
                companies.grow(COMPANIES)
                name = f"LMS to QuickBooks, {A_SECOND} changes a second"
                found.append(_measured(stack, name, lambda: under_load(world, companies, minutes)))
                return found
        finally:
            stack.down()


def _measured(stack: Stack, name: str, changes: Callable[[], Sequence[float]]) -> Measured:
    seconds, used = cpu_of(stack, changes)
    return Measured(name=name, seconds=seconds, cpu={part: one / len(seconds) for part, one in used.items()})


def _one_by_one(companies: Companies, number: int) -> list[float]:
    return [companies.change_at_once(1)[0] for _ in range(number)]


def payments_in_quickbooks(world: World, number: int) -> list[float]:
    """So many invoices are paid in QuickBooks, one after the other; the seconds until each payment was in the LMS."""
    rows = world.sql(
        "select qbo_id from qbo_sync.entity_link where entity = 'invoice' order by lms_id desc limit %s", number
    )
    seconds: list[float] = []
    for row in rows:
        invoice = world.qbo.call(f"invoice/{row['qbo_id']}")["Invoice"]
        time.sleep(QUIET)
        paid = world.qbo.create(
            "Payment",
            CustomerRef=invoice["CustomerRef"],
            TotalAmt=invoice["TotalAmt"],
            Line=[{"Amount": invoice["TotalAmt"], "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]}],
        )
        seconds += arrivals(
            world,
            "select qbo_id as id from qbo_sync.entity_link"
            " where entity = 'payment' and qbo_id = any(%s) and lms_id is not null",
            [paid["Id"]],
        )
    return seconds


def under_load(world: World, companies: Companies, minutes: float) -> list[float]:
    """Changes at a steady pace; how long each took, by the database's clock."""
    began, made = time.monotonic(), list[int]()
    while (gone := time.monotonic() - began) < 60 * minutes:
        while len(made) < gone * A_SECOND:
            made.append(companies.invoice(len(made)))
        time.sleep(0.02)
    companies.wait_for(made)
    rows = world.sql(
        "select extract(epoch from o.at - i.created_at)::float as seconds from lms.invoice i"
        "  join qbo_sync.sync_outcome o on o.entity = 'invoice' and o.record_id = i.id::text and o.outcome = 'created'"
        " where i.id = any(%s)",
        made,
    )
    return [one["seconds"] for one in rows]


if __name__ == "__main__":
    main()
