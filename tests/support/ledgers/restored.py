"""People who go on working while the LMS's database is backed up and, later, restored as it was then.

Everybody has a connection of his own. Each amount is given once only, so that whatever is there twice, on either side,
is a duplicate.
"""

import itertools
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import psycopg

from include.lms.database import prepare
from include.migrations import roles
from include.qbo.errors import QboError
from include.stack.postgres import ThrowawayServer, program
from tests.support.bookkeeper import in_quickbooks, pays, received, sale
from tests.support.connections import Connections, as_role
from tests.support.quickbooks import QuickBooks
from tests.support.world import QBO_TO_LMS, World

_cents = itertools.count(1)

#: Between two things that somebody does, in seconds.
PACE = 0.25


def amount() -> str:
    """One that nothing else has."""
    return f"{10 + next(_cents)}.{next(_cents) % 100:02}"


@contextmanager
def own_view(world: World) -> Iterator[World]:
    """The same two sides through connections that nobody else uses."""
    connections = Connections(psycopg.Connection, as_role(world.database_url, roles.PIPELINE))
    with prepare(psycopg.connect(world.database_url, autocommit=True)) as connection:
        qbo = QuickBooks(world.qbo.url, world.qbo.realm)
        runtime = replace(world.runtime, connect=connections.connection)
        yield World(world.database_url, qbo, runtime, connection, world.lab)
    connections.close()


@dataclass
class Busy:
    """Lab staff, the bookkeeper and the runs, until they are told to stop."""

    world: World
    accounts: list[int]
    done: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._stop, self._failed = threading.Event(), list[BaseException]()
        self._threads: list[threading.Thread] = []

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """In here they work. What one of them stumbles over is raised at the end."""
        self._threads = [threading.Thread(target=self._work, args=[one]) for one in (_staff, _bookkeeper, _runs)]
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()
        if self._failed:
            raise self._failed[0]

    def wait_for(self, **counts: int) -> None:
        """Until so much more of each has been done."""
        wanted = {who: self.done[who] + more for who, more in counts.items()}
        while any(self.done[who] < number for who, number in wanted.items()) and not self._failed:
            self._stop.wait(0.02)

    def _work(self, what: Callable[[World, list[int], int], None]) -> None:
        name = what.__name__.strip("_")
        try:
            with own_view(self.world) as view:
                for turn in itertools.count():
                    if self._stop.is_set():
                        return
                    what(view, self.accounts, turn)
                    self.done[name] += 1
                    # People take their time: a run must not have more to do with each one.
                    self._stop.wait(PACE)
        except BaseException as error:  # noqa: BLE001 - raised again by `at_work`
            self._failed.append(error)


def _staff(world: World, accounts: list[int], turn: int) -> None:
    account = accounts[turn % len(accounts)]
    pair = world.value("select min(id) from lms.doctor_office where billing_account_id = %s", account)
    product = world.value("select min(id) from lms.product")
    if turn % 4 == 0:
        world.invoice(world.case(pair, [{"product": product, "price": amount()}]))
    elif turn % 4 == 1:
        _give(world, "payment", account, amount())
    elif turn % 4 == 2:
        _give(world, "credit", account, amount())
    else:
        open_ = world.sql(
            "select id from lms.invoice i where billing_account_id = %s and balance = total_amount order by id limit 1",
            account,
        )
        for one in open_:
            payment = _give(world, "payment", account, amount())
            with world.connection.transaction():
                world.connection.execute(
                    "insert into lms.payment_application (payment_id, invoice_id, amount) values (%s, %s, 5)",
                    [payment, one["id"]],
                )
                world.connection.execute("update lms.invoice set balance = balance - 5 where id = %s", [one["id"]])


def _give(world: World, table: str, account: int, money: str) -> int:
    """A payment or credit that is applied to nothing yet. (World.payment tells the balances of all invoices anew.)"""
    day = {"payment": "payment_date", "credit": "credit_date"}[table]
    return int(
        world.value(
            f"insert into lms.{table} (billing_lab_id, billing_account_id, {day}, amount)"
            " values (%s, %s, '2026-06-15', %s) returning id",
            world.lab,
            account,
            Decimal(money),
        )
    )


def _bookkeeper(world: World, accounts: list[int], turn: int) -> None:
    link = world.link("billing_account", accounts[turn % len(accounts)])
    assert link
    if turn % 3 == 0:
        in_quickbooks(world, link["qbo_id"], sale(amount()))
    elif turn % 3 == 1:
        received(world, link["qbo_id"], amount())
    else:
        bill = in_quickbooks(world, link["qbo_id"], sale(amount()))
        received(world, link["qbo_id"], amount(), pays(bill, "4.00"))


def _runs(world: World, accounts: list[int], turn: int) -> None:
    with suppress(QboError):
        world.run()
        world.capture()
        # Once: as long as the bookkeeper goes on, there is always something due.
        world.run(*QBO_TO_LMS)


# ------------------------------------------------------------------ backup and restore, as docs/operations.md says


def back_up(world: World, file: Path) -> None:
    """pg_dump, while everybody works."""
    _run("pg_dump", "--format=custom", f"--file={file}", world.database_url)


def restore(world: World, server: ThrowawayServer, file: Path) -> None:
    """The database is lost, and a new one of its name gets what was backed up."""
    name = world.database_url.rpartition("/")[2]
    world.connection.close()
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        admin.execute(f"drop database {name} with (force)".encode())
        admin.execute(f"create database {name} template template0 owner pilot".encode())
    _run("pg_restore", "--exit-on-error", f"--dbname={server.admin_url.rpartition('/')[0]}/{name}", str(file))
    world.connection = prepare(psycopg.connect(world.database_url, autocommit=True))


def _run(name: str, *arguments: str) -> None:
    done = subprocess.run([program(name), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# ------------------------------------------------------------------ what there is


def in_books(world: World) -> dict[str, Counter[Decimal]]:
    """The amounts that QuickBooks has of each kind; payments that only join a credit memo to invoices have none."""
    return {
        kind: Counter(one["TotalAmt"] for one in world.qbo.all(kind) if one["TotalAmt"])
        for kind in ("Invoice", "Payment", "CreditMemo")
    }


def in_pilot(world: World) -> dict[str, Counter[Decimal]]:
    """The same of the LMS."""
    return {
        kind: Counter(row["amount"] for row in world.sql(f"select {column} as amount from lms.{table}"))
        for kind, table, column in (
            ("Invoice", "invoice", "total_amount"),
            ("Payment", "payment", "amount"),
            ("CreditMemo", "credit", "amount"),
        )
    }
