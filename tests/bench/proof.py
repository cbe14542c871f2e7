"""What the ledger proof costs: `python -m tests.bench.proof [invoices]`. No pytest test, and no running stack needed.

A company with so many invoices (100,000), two fifths of them paid, on both sides and linked. Prints the reads, the
seconds and the memory of the first proof, of one after a day's work, and of one that reads everything again.
"""

import sys
import time

from include.migrations import upgrade
from include.stack.postgres import ThrowawayServer
from tests.bench.memory import forget_peak, megabytes
from tests.support.bookkeeper import pays, sale
from tests.support.planting import behind
from tests.support.quickbooks import Json
from tests.support.sandbox.harness import Sandbox
from tests.support.world import RECONCILIATION, STEPS, World, make_world

BATCH = 30
CUSTOMERS = 200
AT_ONCE = 3000


def main() -> None:
    """Fill both sides, then prove."""
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with ThrowawayServer(settings={}) as server, Sandbox("--no-throttle") as sandbox:
        upgrade(server.url)
        with make_world(server.url, sandbox.url) as world:
            began = time.monotonic()
            fill(world, total)
            print(f"filled in {time.monotonic() - began:.0f} s", flush=True)
            prove(world, "first proof")
            long_ago(world)
            prove(world, "nothing changed since")
            long_ago(world)
            # Each frees a part of its payment: twice as many changes, and QuickBooks lists 1,000 at once.
            someday = world.qbo.query("SELECT * FROM Invoice ORDERBY Id MAXRESULTS 300")
            batch(world, [{"Invoice": {**one, "sparse": True, "Line": [sale("120.00")]}} for one in someday], "update")
            prove(world, "300 invoices and their payments changed since")
            prove(world, "everything again", full=True)


def long_ago(world: World) -> None:
    """As if all that is there were old: the next question begins a few minutes before the last answer."""
    world.sql("update qbo_sync.ledger_cursor set changed_since = now()")


def fill(world: World, total: int) -> None:
    """The same ledger on both sides, a few thousand invoices at a time: nothing of it stays in memory."""
    accounts = [world.account() for _ in range(CUSTOMERS)]
    named = [{"Customer": {"DisplayName": f"Practice No. {n}"}} for n in range(CUSTOMERS)]
    customers = [one["Customer"]["Id"] for one in batch(world, named)]
    world.sql(
        "insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id)"
        " select %s, 'billing_account', * from unnest(%s::bigint[], %s::text[])",
        world.qbo.realm,
        accounts,
        customers,
    )
    for start in range(0, total, AT_ONCE):
        fill_part(world, accounts, customers, range(start, min(start + AT_ONCE, total)))
    world.sql("delete from qbo_sync.lms_change")
    world.sql("analyze")


def fill_part(world: World, accounts: list[int], customers: list[str], numbers: range) -> None:
    """Some invoices over $150, two of five paid, on both sides and linked."""
    bodies = [
        {
            "Invoice": {
                "DocNumber": f"B-{n}",
                "TxnDate": f"2026-{n % 11 + 1:02d}-{n % 28 + 1:02d}",
                "CustomerRef": {"value": customers[n % CUSTOMERS]},
                "Line": [sale("100.00"), sale("50.00")],
            }
        }
        for n in numbers
    ]
    invoices = [one["Invoice"] for one in batch(world, bodies)]
    paid = invoices[: len(invoices) * 2 // 5]
    payments = [
        {"Payment": {"CustomerRef": one["CustomerRef"], "TotalAmt": 150, "Line": [pays(one, "150")]}} for one in paid
    ]
    made = [one["Payment"] for one in batch(world, payments)]
    sent = [one["DocNumber"] for one in invoices]
    behind(
        world,
        "with invoice as ("
        "   insert into lms.invoice (billing_lab_id, billing_account_id, invoice_number, invoice_date, subtotal,"
        "                            total_amount, balance, origin)"
        "   select %s, (%s::bigint[])[substr(t.number, 3)::int %% %s + 1], t.number, t.day, 150, 150, t.open, 'lms'"
        "     from unnest(%s::text[], %s::date[], %s::numeric[]) t (number, day, open)"
        "   returning id, invoice_number)"
        " insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id)"
        " select %s, 'invoice', i.id, t.qbo_id from unnest(%s::text[], %s::text[]) t (number, qbo_id)"
        "   join invoice i on i.invoice_number = t.number",
        world.lab,
        accounts,
        CUSTOMERS,
        sent,
        [one["TxnDate"] for one in invoices],
        [0 if place < len(paid) else 150 for place in range(len(invoices))],
        world.qbo.realm,
        sent,
        [one["Id"] for one in invoices],
    )
    behind(
        world,
        "with payment as ("
        "   insert into lms.payment (billing_lab_id, billing_account_id, payment_date, amount, reference)"
        "   select i.billing_lab_id, i.billing_account_id, '2026-11-20', 150, l.qbo_id from lms.invoice i"
        "     join qbo_sync.entity_link l on l.entity = 'invoice' and l.lms_id = i.id"
        "    where l.qbo_id = any(%(invoices)s)"
        "   returning id, reference), linked as ("
        "   insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id)"
        "   select %(realm)s, 'payment', p.id, t.payment"
        "     from unnest(%(invoices)s::text[], %(payments)s::text[]) t (invoice, payment)"
        "     join payment p on p.reference = t.invoice)"
        " insert into lms.payment_application (payment_id, invoice_id, amount)"
        " select p.id, l.lms_id, 150 from payment p"
        "   join qbo_sync.entity_link l on l.entity = 'invoice' and l.qbo_id = p.reference",
        invoices=[one["Id"] for one in paid],
        payments=[one["Id"] for one in made],
        realm=world.qbo.realm,
    )


def batch(world: World, bodies: list[Json], operation: str = "create") -> list[Json]:
    """Send them in batches; the answers in their order."""
    found: list[Json] = []
    for start in range(0, len(bodies), BATCH):
        items = [{"bId": str(n), "operation": operation, **one} for n, one in enumerate(bodies[start : start + BATCH])]
        answer = world.qbo.call("batch", {"BatchItemRequest": items})["BatchItemResponse"]
        found += sorted(answer, key=lambda one: int(one["bId"]))
    assert not any("Fault" in one for one in found)
    return found


def prove(world: World, name: str, *, full: bool = False) -> None:
    """One proof, step by step, with what it took."""
    run = world.as_run(RECONCILIATION)
    forget_peak()
    before, seconds, busy = megabytes("VmRSS"), {}, time.process_time()
    for step in STEPS:
        began = time.monotonic()
        world.proof_step(step, run, full=full)
        seconds[step] = time.monotonic() - began
    [proof] = world.sql("select * from qbo_sync.reconciliation where run_id = %s", run.run.run_id)
    took = ", ".join(f"{step} {time_taken:.1f}" for step, time_taken in seconds.items())
    own = time.process_time() - busy
    print(
        f"{name}: {proof['state']}, {proof['compared']:,} records, {proof['reads']} reads,"
        f" {sum(seconds.values()):.1f} s ({took};"
        f" {own:.1f} s of this process's own), memory {before} MB, at most {megabytes('VmHWM')} MB",
        flush=True,
    )


if __name__ == "__main__":
    main()
