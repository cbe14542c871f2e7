"""QuickBooks refuses to delete a paid invoice: its payments make way first, and whatever happens meanwhile, the audit
knows of each of those writes."""

from collections.abc import Callable
from typing import Any

import pytest

from include.qbo.client import QboClient
from include.qbo.errors import QboError
from include.qbo.faults import fault_of_status
from include.sync import intents
from tests.support.quickbooks import Json
from tests.support.world import INVOICES, World


def switch(world: World, **positions: str | bool) -> None:
    """Of the company."""
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", positions)


def uninvoice(world: World, *invoices: int) -> None:
    """Their cases, where QuickBooks deletes no invoice that is paid."""
    switch(world, paid_invoice_delete="refuse")
    for invoice in invoices:
        world.sql("select lms.uninvoice_case(%s)", world.lms_invoice(invoice)["case_id"])


@pytest.fixture
def paid(world: World) -> int:
    """An invoice of a case that is un-invoiced, and that two payments pay; the first pays another one, too."""
    account = world.account()
    invoice, other = world.simple_invoice(account), world.simple_invoice(account)
    world.both()
    world.payment(account, "50.00", {invoice: "30.00", other: "20.00"})
    world.payment(account, "70.00", {invoice: "70.00"})
    world.both()
    uninvoice(world, invoice)
    return invoice


@pytest.fixture
def two(world: World) -> list[int]:
    """Two invoices of cases that are un-invoiced, each with a payment."""
    account = world.account()
    invoices = [world.simple_invoice(account) for _ in range(2)]
    world.both()
    for invoice in invoices:
        world.payment(account, "30.00", {invoice: "30.00"})
    world.both()
    uninvoice(world, *invoices)
    return invoices


def audited(world: World) -> list[tuple[str, str]]:
    """Record and operation of each write to a payment in the way, as the history tells them."""
    entries = world.sql("select * from qbo_sync.audit_entry where request_id like 'unlink-%%' order by qbo_id")
    assert all(one["before"]["applications"] != one["after"]["applications"] for one in entries)
    return [(one["qbo_id"], one["operation"]) for one in entries]


def failed(world: World) -> list[Json]:
    """Invoices that ended in an error, if only for a moment."""
    return world.sql("select * from qbo_sync.sync_outcome where entity = 'invoice' and outcome = 'failed'")


def assert_in_step(world: World, paid: int) -> None:
    """The invoice is gone, and its payments are as they were, but for it."""
    world.both()
    assert (world.errors(), failed(world)) == ([], [])
    assert world.link("invoice", paid) is None
    payments = world.qbo.all("Payment")
    assert sorted((one["TotalAmt"], one["UnappliedAmt"]) for one in payments) == [(50, 30), (70, 70)]
    assert audited(world) == [(one["Id"], "update") for one in payments]
    assert world.value("select count(*) from qbo_sync.write_intent") == 0


def later(world: World, minutes: int = 0) -> None:
    """What was put off is due, so many minutes after it was sent."""
    world.sql("update qbo_sync.change_mark set extracted_at = null, attempt_after = null")
    world.sql(
        "update qbo_sync.write_request set created_at = created_at - make_interval(mins => %s),"
        "  sent_at = sent_at - make_interval(mins => %s)",
        minutes,
        minutes,
    )


def load_while(world: World, monkeypatch: pytest.MonkeyPatch, watched: Callable[..., None]) -> None:
    """A run's load, whose requests are not sent twice."""
    run = world.prepared(INVOICES)
    with monkeypatch.context() as worker:
        worker.setattr("include.qbo.client.ATTEMPTS", 1)
        worker.setattr(intents, "commit_beside", watched)
        world.load(run)


def failing(world: World, kind: str, which: int) -> Callable[..., None]:
    """Something of this kind happens to the payment with this number, from 0."""
    commit_beside, sent = intents.commit_beside, 0

    def watched(*arguments: Any) -> None:
        nonlocal sent
        commit_beside(*arguments)
        if "request_id" in (arguments[-1] or {}):
            if sent == which:
                fault = {"kind": kind, "entity": "Payment", "operation": "update", "times": 1}
                world.qbo.control("POST", "faults", fault)
            sent += 1

    return watched


def breaking(monkeypatch: pytest.MonkeyPatch, breaks: Callable[[Any, Any], bool]) -> None:
    """QuickBooks breaks off at these requests, whenever they are sent."""
    attempt = QboClient._attempt

    def sometimes(self: QboClient, call: Any, url: str, query: Any, *rest: Any) -> Any:
        if breaks(call, query):
            return fault_of_status(500)
        return attempt(self, call, url, query, *rest)

    monkeypatch.setattr(QboClient, "_attempt", sometimes)
    monkeypatch.setattr("include.qbo.client.ATTEMPTS", 1)


def run_as_it_goes(world: World) -> None:
    """A run whose task may fail."""
    try:
        world.run(INVOICES)
    except QboError:
        later(world)


@pytest.mark.trap(6)
@pytest.mark.parametrize("kind", ["http_503", "http_503_after", "drop_connection", "fault_6000_after", "http_429"])
@pytest.mark.parametrize("which", [0, 1])
def test_a_payment_that_quickbooks_stumbles_over(
    world: World, paid: int, kind: str, which: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        load_while(world, monkeypatch, failing(world, kind, which))
    except QboError:
        assert kind != "fault_6000_after"
    world.qbo.control("DELETE", "faults")
    later(world)
    assert_in_step(world, paid)


@pytest.mark.parametrize("when", ["before it is sent", "after it was done"])
@pytest.mark.parametrize("which", [0, 1])
def test_the_worker_dies_at_a_payment_in_the_way(
    world: World, paid: int, when: str, which: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit_beside, written = intents.commit_beside, 0

    def dies(*arguments: Any) -> None:
        nonlocal written
        is_answer = "request_id" not in (arguments[-1] or {})
        if when == "after it was done" and is_answer and written == which:
            raise KeyboardInterrupt
        commit_beside(*arguments)
        if when == "before it is sent" and not is_answer and written == which:
            raise KeyboardInterrupt
        written += is_answer

    with pytest.raises(KeyboardInterrupt):
        load_while(world, monkeypatch, dies)
    later(world)
    assert_in_step(world, paid)


@pytest.mark.parametrize("faults_are", ["replay", "keep"])
def test_after_an_interruption_nothing_is_told_that_is_not_so(
    world: World, two: list[int], faults_are: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch is sent again and refused as before, but the payments are not there any more."""
    if faults_are == "keep":
        switch(world, requestid_keeps_faults=True)
    with pytest.raises(QboError):
        load_while(world, monkeypatch, failing(world, "http_503", 1))
    later(world)
    world.both()
    assert (world.errors(), failed(world)) == ([], [])
    assert world.qbo.all("Invoice") == []
    assert len(audited(world)) == 2


@pytest.mark.parametrize("other_body", ["replay", "refuse"])
def test_two_invoices_of_one_payment_are_deleted_in_two_requests(
    world: World, other_body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one's write to it never arrives; the other's must not be taken for it."""
    account = world.account()
    invoices = [world.simple_invoice(account) for _ in range(2)]
    world.both()
    world.payment(account, "60.00", dict.fromkeys(invoices, "30.00"))
    world.both()
    uninvoice(world, *invoices)
    switch(world, requestid_other_body=other_body)
    monkeypatch.setattr("include.sync.entity.invoice.InvoiceSync.batch_size", 1)
    with pytest.raises(QboError):
        load_while(world, monkeypatch, failing(world, "http_503", 0))
    later(world, minutes=10)
    world.both()
    assert (world.errors(), world.qbo.all("Invoice")) == ([], [])
    [payment] = world.qbo.all("Payment")
    assert payment["UnappliedAmt"] == 60


@pytest.mark.rule("8.3.a")
def test_a_payment_at_which_quickbooks_always_breaks_holds_up_no_other(
    world: World, two: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two
    bad = world.qbo.all("Payment")[0]["Id"]
    sent: list[str] = []
    commit_beside = intents.commit_beside

    def watched(*arguments: Any) -> None:
        if "request_id" in (arguments[-1] or {}) and arguments[-1]["body"]["Id"] == bad:
            sent.append(arguments[-1]["request_id"])
        commit_beside(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(intents, "commit_beside", watched)
        breaking(patch, lambda call, query: str(query.get("requestid")) in sent)
        for _ in range(3):
            run_as_it_goes(world)
            later(world, minutes=10)
        [error] = world.errors()
        assert (error["record_entity"], error["record_id"]) == ("invoice", str(first))
        run_as_it_goes(world)
        assert world.link("invoice", second) is None
    world.sql("update qbo_sync.sync_error set retry_at = now()")
    world.both()
    assert (world.errors(), world.qbo.all("Invoice")) == ([], [])
    assert len(audited(world)) == 2


@pytest.mark.trap(19)
def test_a_write_that_was_done_and_answered_with_something_unreadable_is_in_the_history(
    world: World, paid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = QboClient._attempt

    def spoiled(self: QboClient, call: Any, url: str, query: Any, *rest: Any) -> Any:
        answer = attempt(self, call, url, query, *rest)
        if str(query.get("requestid")).startswith("unlink-") and isinstance(answer, dict):
            return {"Payment": {name: value for name, value in answer["Payment"].items() if name != "TotalAmt"}}
        return answer

    with monkeypatch.context() as patch:
        patch.setattr(QboClient, "_attempt", spoiled)
        world.run(INVOICES)
    later(world)
    assert_in_step(world, paid)
