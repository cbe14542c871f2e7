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
from collections.abc import Sequence
from pathlib import Path

from include.stack.ports import Ports
from include.stack.stack import Stack
from tests.bench.companies import GIVE_UP, Companies
from tests.support.world import World, world_on

COMPANIES, A_SECOND = 10, 20
#: Between two payments in QuickBooks: a company is asked by webhook at most every ten seconds.
QUIET = 11.0


def main() -> None:
    """Print the medians and the slowest twentieth."""
    singles = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    payments = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    minutes = float(sys.argv[3]) if len(sys.argv) > 3 else 5
    for name, seconds in measure(singles, payments, minutes).items():
        middle, slow = statistics.median(seconds), percentile(seconds)
        print(f"{name}: {len(seconds)} changes, median {middle:.1f} s, 95% within {slow:.1f} s")


def measure(singles: int, payments: int, minutes: float) -> dict[str, list[float]]:
    """Seconds of each change, by what was measured."""
    with tempfile.TemporaryDirectory() as state:
        stack = Stack(Path(state), Ports.free())
        stack.up()
        try:
            with world_on(stack) as world:
                companies = Companies(world)
                companies.grow(1)
                found = {"LMS to QuickBooks, idle": [companies.change_at_once(1)[0] for _ in range(singles)]}
                found["QuickBooks to LMS by webhook, idle"] = payments_in_quickbooks(world, payments)
                companies.grow(COMPANIES)
                found["LMS to QuickBooks, 20 changes a second"] = under_load(world, companies, minutes)
                return found
        finally:
            stack.down()


def payments_in_quickbooks(world: World, number: int) -> list[float]:
    """So many invoices are paid in QuickBooks, one after the other; the seconds until each payment was in the LMS."""
    rows = world.sql(
        "select qbo_id from qbo_sync.entity_link where entity = 'invoice' order by lms_id desc limit %s", number
    )
    seconds = []
    for row in rows:
        invoice = world.qbo.call(f"invoice/{row['qbo_id']}")["Invoice"]
        time.sleep(QUIET)
        paid = world.qbo.create(
            "Payment",
            CustomerRef=invoice["CustomerRef"],
            TotalAmt=invoice["TotalAmt"],
            Line=[{"Amount": invoice["TotalAmt"], "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]}],
        )
        started = time.monotonic()
        while not world.sql(
            "select 1 from qbo_sync.entity_link where entity = 'payment' and qbo_id = %s and lms_id is not null",
            paid["Id"],
        ):
            if time.monotonic() - started > GIVE_UP:
                raise RuntimeError(f"payment {paid['Id']} did not arrive")
            time.sleep(0.1)
        seconds.append(time.monotonic() - started)
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


def percentile(seconds: Sequence[float], share: float = 0.95) -> float:
    """So many of them took no longer."""
    return sorted(seconds)[min(len(seconds) - 1, int(len(seconds) * share))]


if __name__ == "__main__":
    main()
