"""A backup is restored while QuickBooks has moved on (restored.py): what is missing comes back, and nothing twice."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from include.migrations import roles
from include.model.settings import MassDeleteLimit
from include.stack.postgres import ThrowawayServer
from tests.support.both_sides import invoiced
from tests.support.connections import Connections, as_role
from tests.support.database import new_database
from tests.support.ledgers.agreement import differences
from tests.support.ledgers.restored import Busy, amount, back_up, in_books, in_pilot, restore
from tests.support.world import World, make_world


@pytest.fixture
def own_database(postgres_server: ThrowawayServer, _migrated_template: str) -> Iterator[str]:
    """The URL of a database that may be lost."""
    with new_database(postgres_server, _migrated_template) as url:
        yield url


@pytest.fixture
def connections(own_database: str) -> Iterator[Connections[psycopg.Connection]]:
    """What the runs use."""
    with closing(Connections(psycopg.Connection, as_role(own_database, roles.PIPELINE))) as opened:
        yield opened


@pytest.fixture
def own_world(own_database: str, connections: Connections[psycopg.Connection], sandbox_url: str) -> Iterator[World]:
    """A world on it."""
    with make_world(own_database, sandbox_url, connections=connections) as world:
        yield world


@pytest.mark.rule("8.1.a", "8.9.a")
@pytest.mark.timeout(600)
def test_a_restored_backup_catches_up_and_makes_nothing_twice(
    own_world: World, connections: Connections[psycopg.Connection], postgres_server: ThrowawayServer, tmp_path: Path
) -> None:
    world, backup = own_world, tmp_path / "lms.dump"
    # A requestid that comes again with another record is refused, not answered from the past.
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", {"requestid_other_body": "refuse"})
    accounts = [invoiced(world)[0] for _ in range(3)]
    kept = [world.simple_invoice(accounts[0]) for _ in range(4)]
    world.both()
    world.limit_deletes(MassDeleteLimit(minimum=3))
    busy = Busy(world, accounts)
    with busy.at_work():
        busy.wait_for(staff=8, bookkeeper=6, runs=1)
        # On their way when the backup is made.
        waiting = [world.payment(accounts[1], amount()) for _ in range(5)]
        credits = [world.credit(accounts[2], amount(), {kept[0]: "1.00"}, note="goodwill") for _ in range(5)]
        back_up(world, backup)
        busy.wait_for(staff=8, bookkeeper=6, runs=2)
    # People un-invoice some, and all of it is in QuickBooks.
    for invoice in kept[1:]:
        world.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", invoice)
    world.limit_deletes(MassDeleteLimit())
    world.both()
    before = in_books(world)
    assert all(world.link("payment", one) for one in waiting)

    connections.close()
    restore(world, postgres_server, backup)
    unlinked = [one for one in waiting if world.link("payment", one) is None]
    unlinked += [one for one in credits if world.link("credit", one) is None]
    assert unlinked, "or nothing was on its way"
    assert in_pilot(world) != before, "or nothing was lost"
    # As the runbook says: a number that was given after the backup is not given again.
    world.sql("select setval('lms.invoice_number_seq', nextval('lms.invoice_number_seq') + 1000)")
    world.limit_deletes(MassDeleteLimit(minimum=3))
    busy = Busy(world, accounts)
    with busy.at_work():
        busy.wait_for(bookkeeper=3, staff=3, runs=2)
    world.both()
    # The un-invoiced ones are gone in QuickBooks; the LMS has them again, and nobody has said what counts.
    [held] = [one for one in world.errors() if one["error_code"] == "mass_delete_held"]
    assert (held["direction"], held["entity"]) == ("qbo_to_lms", "invoice")
    assert all(world.sql("select 1 from lms.invoice where id = %s", one) for one in kept[1:])
    world.release_held("invoice_qbo_to_lms")
    world.both()
    after = in_books(world)
    twice = {kind: [one for one, count in found.items() if count > 1] for kind, found in after.items()}
    assert twice == {"Invoice": [100], "Payment": [], "CreditMemo": []}, "the first invoices are all over $100"
    lost = {kind: before[kind] - after[kind] for kind in before}
    assert not any(lost.values()), lost
    ours = in_pilot(world)
    assert ours["Invoice"] == after["Invoice"]
    assert ours["Payment"] == after["Payment"]
    # What was credited after the backup stays in QuickBooks alone: credit memos never come back (rule 1).
    assert not ours["CreditMemo"] - after["CreditMemo"]
    assert differences(world, restructured=False) == []
