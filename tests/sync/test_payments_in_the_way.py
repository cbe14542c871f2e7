"""QuickBooks refuses to delete a paid invoice: its payments make way first, and whatever happens meanwhile, the audit
knows of each of those writes."""

from typing import Any

import pytest

from include.qbo.errors import QboError
from include.sync import intents
from tests.support.world import INVOICES, World


@pytest.fixture
def paid(world: World) -> int:
    """An invoice of a case that is un-invoiced, and that two payments pay; the first pays another one, too."""
    account = world.account()
    invoice, other = world.simple_invoice(account), world.simple_invoice(account)
    world.both()
    world.payment(account, "50.00", {invoice: "30.00", other: "20.00"})
    world.payment(account, "70.00", {invoice: "70.00"})
    world.both()
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", {"paid_invoice_delete": "refuse"})
    world.sql("select lms.uninvoice_case(%s)", world.lms_invoice(invoice)["case_id"])
    return invoice


def audited(world: World) -> list[tuple[str, str]]:
    """Record and operation of each write to a payment in the way, as the history tells them."""
    entries = world.sql("select * from qbo_sync.audit_entry where request_id like 'unlink-%%' order by qbo_id")
    assert all(one["before"]["applications"] != one["after"]["applications"] for one in entries)
    return [(one["qbo_id"], one["operation"]) for one in entries]


def assert_in_step(world: World, paid: int) -> None:
    """The invoice is gone, and its payments are as they were, but for it."""
    world.both()
    assert world.errors() == []
    assert world.link("invoice", paid) is None
    payments = world.qbo.all("Payment")
    assert sorted((one["TotalAmt"], one["UnappliedAmt"]) for one in payments) == [(50, 30), (70, 70)]
    assert audited(world) == [(one["Id"], "update") for one in payments]
    assert world.value("select count(*) from qbo_sync.write_intent") == 0


def later(world: World) -> None:
    """What was put off is due."""
    world.sql("update qbo_sync.change_mark set extracted_at = null, attempt_after = null")


@pytest.mark.parametrize("kind", ["http_503", "http_503_after", "drop_connection", "fault_6000_after", "http_429"])
@pytest.mark.parametrize("which", [0, 1])
def test_a_payment_that_quickbooks_stumbles_over(
    world: World, paid: int, kind: str, which: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.prepared(INVOICES)
    answered = 0
    commit_beside = intents.commit_beside

    def watched(*arguments: Any) -> None:
        nonlocal answered
        commit_beside(*arguments)
        if arguments[-1] is not None:
            if answered == which:
                world.qbo.control("POST", "faults", {"kind": kind, "entity": "Payment", "times": 1})
            answered += 1

    with monkeypatch.context() as worker:
        worker.setattr("include.qbo.client.ATTEMPTS", 1)
        worker.setattr(intents, "commit_beside", watched)
        try:
            world.load(run)
        except QboError:
            assert kind != "fault_6000_after"
    world.qbo.control("DELETE", "faults")
    assert answered > which
    later(world)
    assert_in_step(world, paid)


@pytest.mark.parametrize("when", ["before it is sent", "after it was done"])
@pytest.mark.parametrize("which", [0, 1])
def test_the_worker_dies_at_a_payment_in_the_way(
    world: World, paid: int, when: str, which: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = world.prepared(INVOICES)
    written = 0
    commit_beside = intents.commit_beside

    def dies(*arguments: Any) -> None:
        nonlocal written
        is_answer = arguments[-1] is None
        if when == "after it was done" and is_answer and written == which:
            raise KeyboardInterrupt
        commit_beside(*arguments)
        if when == "before it is sent" and not is_answer and written == which:
            raise KeyboardInterrupt
        written += is_answer

    with monkeypatch.context() as worker, pytest.raises(KeyboardInterrupt):
        worker.setattr(intents, "commit_beside", dies)
        world.load(run)
    later(world)
    assert_in_step(world, paid)
