"""What `make chaos` relies on: lines that can be parted, and a judgement that sees what is wrong."""

import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from subprocess import PIPE

import psutil
import pytest
from hypothesis.stateful import RULE_MARKER

from include.stack.ports import HOST, Ports
from tests.chaos.day import Judgement, compare, open_runs
from tests.chaos.house import House, is_task
from tests.chaos.network import Relay
from tests.chaos.people import ACTIONS, People
from tests.chaos.report import tell
from tests.support.ledgers.histories import Ledgers
from tests.support.pipeline import as_pipeline
from tests.support.quickbooks import Json
from tests.support.world import World

#: Actions of the histories that Airflow does on a stack, or that would be wrong there (people.py).
NOT_OF_PEOPLE = {
    "run_to_quickbooks", "run_to_the_lms", "run_over_everything", "go_on_with_a_run", "run_that_loses_an_answer",
    "capture", "everything_once", "edit_before_it_is_sent",
}  # fmt: skip


def test_people_do_whatever_they_do_in_the_histories() -> None:
    known = {name for name, function in vars(Ledgers).items() if hasattr(function, RULE_MARKER)}
    assert set(ACTIONS) == known - NOT_OF_PEOPLE | {"everything_on"}


@pytest.mark.parametrize(
    ("run_after", "can_end"), [("2026-11-29T00:30:00Z", True), ("2026-11-29T00:45:00.000001Z", False)]
)
def test_a_run_of_a_time_to_come_cannot_end_yet(run_after: str, can_end: bool) -> None:
    run = {"dag_id": "payment_qbo_to_lms", "dag_run_id": "scheduled", "state": "running", "run_after": run_after}
    found = open_runs([run], datetime(2026, 11, 29, 0, 45, tzinfo=UTC))
    assert found == ({"payment_qbo_to_lms scheduled (running)"} if can_end else set())


def test_every_connection_of_the_parts_leads_by_a_relay(tmp_path: Path) -> None:
    house = House(tmp_path)
    try:
        ports = {str(relay.port) for relay in house.lines.values()}
        connections = {
            name: value
            for name, value in house.full_environment().items()
            if name.startswith(("AIRFLOW_CONN_", "AIRFLOW__DATABASE__SQL")) and value
        }
        assert {"AIRFLOW_CONN_LMS_DB", "AIRFLOW_CONN_QUICKBOOKS_SANDBOX"} < connections.keys()
        for name, value in connections.items():
            assert any(port in value for port in ports), name
            assert str(house.ports.postgres) not in value, name
            assert str(house.ports.sandbox) not in value, name
    finally:
        house.close(keep=False)


@pytest.mark.parametrize(
    ("title", "a_task"),
    [
        ("airflow worker -- 01a21bd0-6c5f-7734-8254-b1cdba11a9ec", True),
        ("airflow worker -- LocalExecutor: 01a21bd0-6c5f-7734-8254-b1cdba11a9ec", True),
        ("airflow worker -- LocalExecutor: <idle>", False),
        ("airflow scheduler", False),
    ],
)
def test_only_workers_with_a_task_are_killed(title: str, a_task: bool) -> None:
    says_so = "import sys, setproctitle; setproctitle.setproctitle(sys.argv[1]); print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", says_so, title], stdin=PIPE, stdout=PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        assert is_task(psutil.Process(process.pid)) is a_task
        process.communicate()


@pytest.fixture
def line() -> Iterator[tuple[Relay, socket.socket]]:
    """A relay, and a connection through it to somebody who answers with what was said."""
    ports = Ports.free()
    with socket.create_server((HOST, ports.airflow)) as listening:

        def answer() -> None:
            with listening.accept()[0] as other:
                while said := other.recv(100):
                    other.sendall(said)

        answering = threading.Thread(target=answer, daemon=True)
        answering.start()
        relay = Relay(ports.sandbox, ports.airflow)
        with socket.create_connection((HOST, ports.sandbox)) as connection:
            connection.settimeout(0.5)
            connection.sendall(b"one")
            assert connection.recv(100) == b"one"
            yield relay, connection
        answering.join(5)
        relay.close()


@pytest.mark.parametrize("how", ["stalled", "answers lost"])
def test_a_partition_hides_what_is_said_until_it_is_over(line: tuple[Relay, socket.socket], how: str) -> None:
    relay, connection = line
    relay.part(how)  # type: ignore[arg-type]
    connection.sendall(b"two")
    with pytest.raises(TimeoutError):
        connection.recv(100)
    relay.heal(connections_end=False)
    assert connection.recv(100) == b"two"


def test_a_partition_may_end_connections(line: tuple[Relay, socket.socket]) -> None:
    relay, connection = line
    relay.part("cut")
    assert _ended(connection)
    with socket.create_connection((HOST, relay.port), timeout=5) as another:
        assert _ended(another)


def _ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(100) == b""
    except ConnectionError:
        return True


def _judged(one: People) -> Judgement:
    judgement = Judgement()
    compare(one, judgement)
    return judgement


@pytest.fixture
def one(world: World) -> People:
    """People of a company whose first invoices are synced."""
    people = People(world, 1)
    people.everything_on()
    people.world.both()
    assert _judged(people).right
    return people


def _forget(one: People, invoice: Json) -> str:
    """The link is gone, and nobody has noticed; QuickBooks' id."""
    link = one.world.link("invoice", invoice["id"])
    assert link
    one.world.sql("delete from qbo_sync.entity_link where qbo_id = %s and entity = 'invoice'", link["qbo_id"])
    return str(link["qbo_id"])


def test_a_record_that_is_gone_from_both_sides_and_nobody_deleted_is_lost(one: People) -> None:
    [invoice, *_] = one.staff.invoices()
    assert one.vanished() == []
    theirs = _forget(one, invoice)
    with one.world.connection.transaction():
        as_pipeline(one.world.connection)
        one.world.connection.execute("select lms.uninvoice_case(%s)", [invoice["case_id"]])
    [bill] = [bill for bill in one.books.all("Invoice") if bill["Id"] == theirs]
    token = {"Id": bill["Id"], "SyncToken": bill["SyncToken"]}
    one.world.qbo.call("invoice", token, operation="delete")  # behind the back of those who watch
    assert _judged(one).lost == [f"{one.world.qbo.realm}: invoice {invoice['id']} is gone from the LMS"]
    one.books.delete("Invoice", bill)
    assert _judged(one).lost == []


def test_a_record_that_only_quickbooks_has_is_lost(one: People) -> None:
    [invoice, *_] = one.staff.invoices()
    theirs = _forget(one, invoice)
    assert any(f"unlinked {theirs} is missing in the LMS" in words for words in _judged(one).lost)


def test_what_the_sync_has_made_and_then_brought_is_a_duplicate(
    one: People, capsys: pytest.CaptureFixture[str]
) -> None:
    [invoice, *_] = one.staff.invoices()
    theirs = _forget(one, invoice)
    one.world.sql("update lms.invoice set invoice_number = 'other' where id = %s", invoice["id"])
    [bill] = [bill for bill in one.books.all("Invoice") if bill["Id"] == theirs]
    one.books.edit("Invoice", bill, DueDate="2026-07-01")
    one.world.both()
    judgement = _judged(one)
    assert judgement.duplicates == [f"{one.world.qbo.realm}: invoice {theirs} was made twice in QuickBooks"]
    tell(Counter(), Counter(), {}, judgement)
    assert "The ledgers do not agree." in capsys.readouterr().out


def test_what_the_bookkeeper_has_entered_is_none(one: People) -> None:
    [bill, *_] = one.books.all("Invoice")
    one.books.invoice(bill["CustomerRef"]["value"], *bill["Line"][:1])
    one.world.both()
    assert any(row["origin"] == "qbo" for row in one.staff.invoices())
    assert _judged(one).right


def test_an_amount_that_is_not_alike_is_a_disagreement(one: People) -> None:
    [invoice, *_] = one.staff.invoices()
    with one.world.connection.transaction():
        as_pipeline(one.world.connection)
        one.world.connection.execute("update lms.invoice set balance = balance + 1 where id = %s", [invoice["id"]])
    judgement = _judged(one)
    assert (len(judgement.disagreements), judgement.right) == (1, False)
