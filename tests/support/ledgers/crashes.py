"""A busy day of which every moment is a good one to die: one round of all DAGs with work of every kind, killed after
any one of its effects. What is left behind, later runs bring to the same end as if nothing had happened."""

from contextlib import closing
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from include.migrations import roles
from tests.support.bookkeeper import sale, shipping
from tests.support.connections import Connections, as_role
from tests.support.ledgers.histories import Ledgers
from tests.support.ledgers.killed import Killed, WatchedConnection, Worker
from tests.support.quickbooks import Json
from tests.support.world import World

ZERO = Decimal(0)


@dataclass(frozen=True)
class Outcome:
    """What is left when everything is quiet again."""

    #: The worker's effects, until it died or its work was done.
    effects: list[str]
    #: What the books hold, without names and numbers that differ from world to world.
    books: dict[str, list[Any]]
    #: Whether the next one died, too.
    successor_died: bool = False


def a_busy_day(home: World, dies_after: int | None = None, again_after: int | None = None) -> Outcome:
    """The day in a company of its own, its one round of all DAGs killed after so many effects; `again_after`: and the
    next round, too. AssertionError if the ledgers do not agree in the end."""
    day = Ledgers(home)
    _yesterday(day)
    _today(day)
    successor_died = False
    with closing(Connections(WatchedConnection, as_role(home.database_url, roles.PIPELINE))) as connections:
        worker = Worker(connections, dies_after)
        _round(day, worker)
        if again_after is not None:
            # What the dead one had in hand is free for others only after a while.
            _let_its_marks_go(day)
            successor_died = _round(day, Worker(connections, again_after))
    _let_its_marks_go(day)
    day.teardown()
    return Outcome(worker.effects, _books(day), successor_died)


def _round(day: Ledgers, worker: Worker) -> bool:
    """One round of all DAGs, as that worker; whether it died."""
    alive = day.world.runtime
    day.world.runtime = replace(alive, connect=worker.connect)
    try:
        with worker.at_work():
            day.everything_once()
        return False
    except Killed:
        return True
    finally:
        day.world.runtime = alive


def _let_its_marks_go(day: Ledgers) -> None:
    day.world.sql(
        "update qbo_sync.change_mark set extracted_at = null, attempt_after = null where realm_id = %s",
        day.world.qbo.realm,
    )


def _yesterday(day: Ledgers) -> None:
    """What is in step already: invoices, payments and credits."""
    staff = day.staff
    # Who deletes a paid invoice has to take its payments off first.
    day.world.qbo.control("POST", f"companies/{day.world.qbo.realm}/switches", {"paid_invoice_delete": "refuse"})
    for pair in staff.pairs:
        staff.invoice(staff.labs[0], pair, Decimal("150.00"))
        staff.invoice(staff.labs[0], pair, Decimal("99.99"))
    first, second, third, fourth, *_, last = staff.invoices()
    staff.receive("payment", [first], [Decimal("50.00")], ZERO)
    staff.receive("payment", [third], [Decimal("20.00")], Decimal("3.21"))
    for _ in range(2):
        staff.receive("payment", [last], [Decimal("20.00")], ZERO)
    staff.receive("credit", [second], [Decimal("10.00")], ZERO)
    staff.receive("credit", [fourth], [Decimal("12.00")], ZERO)
    day.everything_once()
    day.everything_once()


def _today(day: Ledgers) -> None:
    """Something new, changed and deleted of everything, on both sides."""
    staff, books, world = day.staff, day.books, day.world
    invoices = staff.invoices()
    # In Pilot: a new customer with a new item, and more of everything.
    new = world.pair(world.account())
    case = world.case(new, [{"product": world.product(), "price": "80.00"}], lab=staff.labs[0])
    world.invoice(case, shipping="3.21", tax="1.00")
    staff.invoice(staff.labs[0], staff.pairs[2], Decimal("50.00"))
    staff.uninvoice(invoices[-1])
    payments, credits = staff.money("payment"), staff.money("credit")
    staff.apply("payment", payments[0]["id"], {invoices[0]["id"]: Decimal("40.00")})
    staff.delete("payment", payments[1]["id"])
    staff.receive("payment", [invoices[4]], [Decimal("30.00")], ZERO)
    staff.receive("credit", [invoices[5]], [Decimal("5.00")], ZERO)
    staff.delete("credit", credits[1]["id"])
    # In QuickBooks.
    bills = books.all("Invoice")
    books.edit("Invoice", bills[2], Line=[sale(Decimal("120.00")), shipping(Decimal("3.21"))])
    books.void("Invoice", bills[6])
    books.invoice(bills[0]["CustomerRef"]["value"], sale(Decimal("75.00")))
    books.receive(bills[1]["CustomerRef"]["value"], Decimal("25.00"), [(bills[1], Decimal("25.00"))])


def _books(day: Ledgers) -> dict[str, list[Any]]:
    """Amounts and what is open, on both sides: a duplicate that had come across would be on both."""
    world = day.world

    def ours(table: str, *columns: str) -> list[Any]:
        rows = world.sql(f"select {', '.join(columns)} from lms.{table} where billing_lab_id = any(%s)", day.staff.labs)
        return sorted(tuple(row.values()) for row in rows)

    def theirs(entity: str, *fields: str) -> list[Any]:
        return sorted(tuple(_money(one, name) for name in fields) for one in day.books.all(entity))

    return {
        "LMS invoices": ours("invoice", "total_amount", "balance"),
        "LMS payments": ours("payment", "amount"),
        "LMS credits": ours("credit", "amount"),
        "QuickBooks customers": [len(day.books.all("Customer"))],
        "QuickBooks items": [len(day.books.all("Item"))],
        "QuickBooks invoices": theirs("Invoice", "TotalAmt", "Balance"),
        "QuickBooks payments": theirs("Payment", "TotalAmt", "UnappliedAmt"),
        "QuickBooks credit memos": theirs("CreditMemo", "TotalAmt", "RemainingCredit"),
    }


def _money(record: Json, name: str) -> Decimal:
    return Decimal(record.get(name) or 0)
