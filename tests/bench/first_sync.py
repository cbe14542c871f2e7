"""A company's first sync, by us and by python-quickbooks: `python -m tests.bench.first_sync [invoices] [limited]`.

The same customers, items and invoices, each in an empty company of the same sandbox: by our own four steps (without
Airflow, whose hops are measured on the running stack), by python-quickbooks as its README shows it (one record after
the other), and as well as it can be used (its batches of 30). `limited`: under Intuit's limits, python-quickbooks paced
by hand so that it is never refused.
"""

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import requests
from intuitlib.client import AuthClient
from quickbooks import QuickBooks as Client
from quickbooks.batch import batch_create
from quickbooks.objects import Customer, Invoice, Item
from quickbooks.objects.base import Ref
from quickbooks.objects.detailline import SalesItemLine, SalesItemLineDetail

from include.company.throttle import Budget
from include.migrations import upgrade
from include.stack.postgres import ThrowawayServer
from tests.bench.memory import forget_peak, megabytes
from tests.support.quickbooks import QuickBooks, make_company
from tests.support.sandbox.harness import Sandbox
from tests.support.world import LMS_TO_QBO, STEPS, UNLIMITED, World, make_world

T = TypeVar("T")

CUSTOMERS, ITEMS, LINES = 60, 80, 2
#: Intuit's limits (fact 3.1), and the pauses that keep python-quickbooks just below them.
LIMITS = {"requests_per_minute": 500, "requests_per_second": 10, "concurrent": 10, "batch_per_minute": 40}
REQUEST_PAUSE, BATCH_PAUSE = 61 / 500, 61 / 40


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one way of doing it took."""

    name: str
    #: Customers, items and invoices.
    records: int
    seconds: float
    requests: int
    metered: int
    #: Megabytes of this process at most, and before it began.
    peak_memory: int
    memory: int
    #: Requests that were refused for being too many.
    refused: int = 0
    #: Seconds of each step.
    steps: dict[str, float] | None = None

    def __str__(self) -> str:
        """One line."""
        line = (
            f"{self.name}: {self.records:,} records in {self.seconds:.1f} s = {self.records / self.seconds:.0f}/s;"
            f" {self.requests / self.records:.3f} requests and {1000 * self.metered / self.records:.1f} metered"
            f" per 1,000 records; memory {self.memory} MB, at most {self.peak_memory} MB; refused: {self.refused}"
        )
        steps = ", ".join(f"{step} {seconds:.1f}" for step, seconds in (self.steps or {}).items())
        return f"{line} ({steps})" if steps else line


def main() -> None:
    """All three, one after the other."""
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    limited = "limited" in sys.argv
    with Sandbox() as sandbox:
        for measure in (ours, one_by_one, in_batches):
            print(measure(sandbox.url, total, limited=limited), flush=True)


def table(total: int, limited: int) -> None:
    """Print what each way took for so many invoices, as ratios to the first: without limits, and under Intuit's."""
    with Sandbox() as sandbox:
        for invoices, under_limits in ((total, False), (limited, True)):
            where = "under Intuit’s limits" if under_limits else "without limits"
            print(f"First sync of {CUSTOMERS} customers, {ITEMS} items and {invoices:,} invoices, {where}:\n")
            print(
                f"  {'':<34}{'speed':>8}{'records':>12}{'requests':>12}{'metered per':>14}{'memory':>10}{'refused':>10}"
            )
            print(f"  {'':<34}{'ratio':>8}{'a minute':>12}{'a record':>12}{'1,000 records':>14}{'at most':>10}")
            found = [measure(sandbox.url, invoices, limited=under_limits) for measure in (ours, one_by_one, in_batches)]
            for one in found:
                print(
                    f"  {one.name:<34}{found[0].seconds / one.seconds:>8.2f}{60 * one.records / one.seconds:>12,.0f}"
                    f"{one.requests / one.records:>12.3f}{1000 * one.metered / one.records:>14.1f}"
                    f"{one.peak_memory:>7,} MB{one.refused:>10}"
                )
            print(flush=True)


def ours(sandbox_url: str, total: int, *, limited: bool = False) -> Measured:
    """Our own four steps, from the marked change to link and base committed."""
    with ThrowawayServer(settings={}) as server:
        upgrade(server.url)
        with make_world(server.url, sandbox_url) as world:
            fill(world, total)
            limit(sandbox_url, limited)
            if limited:
                world.runtime = replace(world.runtime, budget=Budget())
            steps = dict.fromkeys(("companies", *STEPS), 0.0)
            return replace(measured(world.qbo, "Pilot–QBO Sync", total, lambda: sync(world, steps)), steps=steps)


def fill(world: World, total: int) -> None:
    """Completed cases of a lab, all invoiced."""
    world.sql(
        "with account as (insert into lms.billing_account (name, accounting_structure, active)"
        "   select 'Practice ' || n, 'combined', true from generate_series(1, %s) n returning id, name)"
        " insert into lms.doctor_office (billing_account_id, doctor_name, office_name, child_subaccount_name)"
        " select id, 'Dr. Doe', 'Main', name from account",
        CUSTOMERS,
    )
    world.sql(
        "insert into lms.product (name, unit_price, active)"
        " select 'Crown ' || n, 100, true from generate_series(1, %s) n",
        ITEMS,
    )
    world.sql(
        "with pair as (select array_agg(id) as ids from lms.doctor_office),"
        " item as (select array_agg(id) as ids from lms.product),"
        " made as (insert into lms.lab_case (billing_lab_id, doctor_office_id, case_number, status)"
        "   select %s, ids[n %% %s + 1], n::text, 'completed' from pair, generate_series(1, %s) n"
        "   returning id, case_number)"
        " insert into lms.case_line_item (case_id, position, product_id, quantity, unit_price, discount_amount)"
        " select id, p, ids[(case_number::int * 3 + p) %% %s + 1], 1, 100, 0 from made, item, generate_series(1, %s) p",
        world.lab,
        CUSTOMERS,
        total,
        ITEMS,
        LINES,
    )
    world.sql("select lms.invoice_case(id, date '2026-06-01', 0, 0) from lms.lab_case")


def sync(world: World, steps: dict[str, float]) -> None:
    """Run the DAGs' steps until nothing is due; adds the seconds of each step."""
    busy = True
    while busy:
        busy = False
        for dag_id in LMS_TO_QBO:
            run = world.as_run(dag_id)
            for realm in timed(steps, "companies", partial(world.companies, run)):
                busy = True
                for step in STEPS:
                    timed(steps, step, partial(world.step, step, run, realm))


def timed(steps: dict[str, float], name: str, call: Callable[[], T]) -> T:
    """Do it, and add the seconds that it took."""
    began = time.monotonic()
    result = call()
    steps[name] += time.monotonic() - began
    return result


def one_by_one(sandbox_url: str, total: int, *, limited: bool = False) -> Measured:
    """python-quickbooks as its README shows it: each record saved by itself."""

    def create(client: Client, records: Sequence[Any]) -> list[Any]:
        return [paced(REQUEST_PAUSE if limited else 0, partial(record.save, qb=client)) for record in records]

    return theirs(sandbox_url, total, "python-quickbooks, one by one", create, limited=limited)


def in_batches(sandbox_url: str, total: int, *, limited: bool = False) -> Measured:
    """python-quickbooks as well as it can be used: batches of 30."""

    def create(client: Client, records: Sequence[Any]) -> list[Any]:
        done: list[Any] = []
        for start in range(0, len(records), 30):
            part = list(records[start : start + 30])
            answer = paced(BATCH_PAUSE if limited else 0, partial(batch_create, part, qb=client))
            if answer.faults:
                raise RuntimeError(f"refused: {answer.faults[0].Error}")
            done += answer.successes
        return done

    return theirs(sandbox_url, total, "python-quickbooks, in batches", create, limited=limited)


def paced(seconds: float, call: Callable[[], T]) -> T:
    """Do it, and take at least so long."""
    began = time.monotonic()
    result = call()
    time.sleep(max(0.0, seconds - (time.monotonic() - began)))
    return result


def theirs(
    sandbox_url: str,
    total: int,
    name: str,
    create: Callable[[Client, Sequence[Any]], list[Any]],
    *,
    limited: bool,
) -> Measured:
    """The same records with python-quickbooks, created by this."""
    limit(sandbox_url, limited)
    qbo = make_company(sandbox_url)
    client = connected(qbo)

    def work() -> None:
        customers = create(client, [named(Customer(), "DisplayName", f"Practice {n}") for n in range(CUSTOMERS)])
        income = qbo.all("Account", "WHERE AccountType = 'Income'")[0]
        items = create(client, [item(f"Crown {n}", income["Id"]) for n in range(ITEMS)])
        create(client, [invoice(n, customers, items) for n in range(total)])

    return measured(qbo, name, total, work)


def connected(qbo: QuickBooks) -> Client:
    """Their client with a grant of its own."""
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # oauthlib's own leave to speak http
    Client.api_url_v3 = f"{qbo.url}/v3"
    discovery = f"{qbo.url}/.well-known/openid_sandbox_configuration/"
    auth = AuthClient("sandbox-client", "sandbox-secret", "http://localhost/callback", discovery)
    return Client(
        auth_client=auth,
        refresh_token=qbo.grant()["refresh_token"],
        company_id=qbo.realm,
        minorversion=75,
        use_decimal=True,
    )


def named(record: Any, field: str, name: str) -> Any:
    """The record with that name."""
    setattr(record, field, name)
    return record


def item(name: str, income_account: str) -> Item:
    """A service that is sold for $100."""
    made = named(Item(), "Name", name)
    made.Type, made.UnitPrice, made.IncomeAccountRef = "Service", 100, reference(income_account)
    return made


def invoice(number: int, customers: Sequence[Customer], items: Sequence[Item]) -> Invoice:
    """An invoice as ours are."""
    made = Invoice()
    made.DocNumber, made.TxnDate = str(number), "2026-06-01"
    made.CustomerRef = reference(customers[number % CUSTOMERS].Id)
    for place in range(LINES):
        line = SalesItemLine()
        line.Amount, line.SalesItemLineDetail = 100, SalesItemLineDetail()
        line.SalesItemLineDetail.ItemRef = reference(items[(number * 3 + place) % ITEMS].Id)
        made.Line.append(line)
    return made


def reference(qbo_id: str) -> Ref:
    """Their form of it."""
    return named(Ref(), "value", qbo_id)


def limit(sandbox_url: str, limited: bool) -> None:
    """Intuit's limits, or none."""
    limits = LIMITS if limited else UNLIMITED
    requests.post(f"{sandbox_url}/sandbox/limits", json=limits, timeout=10).raise_for_status()


def measured(qbo: QuickBooks, name: str, total: int, work: Callable[[], None]) -> Measured:
    """Do it, and have the sandbox count what it cost. Raises RuntimeError if not everything is there then."""
    qbo.control("POST", "stats/reset")
    forget_peak()
    memory, began = megabytes("VmRSS"), time.monotonic()
    work()
    seconds = time.monotonic() - began
    stats = qbo.control("GET", "stats")
    made = qbo.call("query", query="SELECT COUNT(*) FROM Invoice")["QueryResponse"]["totalCount"]
    if made != total:
        raise RuntimeError(f"{name}: {made} of {total} invoices are in QuickBooks")
    return Measured(
        name=name,
        records=CUSTOMERS + ITEMS + total,
        seconds=seconds,
        requests=stats["requests"]["total"] - stats["requests"]["token"],
        metered=stats["metered"],
        memory=memory,
        peak_memory=megabytes("VmHWM"),
        refused=stats["status"].get("429", 0),
    )


if __name__ == "__main__":
    main()
