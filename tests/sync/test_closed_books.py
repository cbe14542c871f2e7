"""Closed books are respected before sending: what would change a closed period waits for whoever closed it."""

from datetime import UTC, date, datetime

import pytest

from tests.support.bookkeeper import received
from tests.support.both_sides import invoiced
from tests.support.quickbooks import Json
from tests.support.world import World

#: Invoices are dated 06/01 or 06/12, payments and credits 06/15.
OPEN_INVOICE = date(2026, 6, 12)
AFTER_INVOICES, AFTER_ALL = "2026-06-10", "2026-06-20"


def close(world: World, through: str | None) -> None:
    """The bookkeeper moves the closing date; nobody tells the sync."""
    body = {"AccountingInfoPrefs": {"BookCloseDate": through}}
    world.qbo.control("POST", f"companies/{world.qbo.realm}/preferences", body)


def minutes_pass(world: World, minutes: int = 2) -> None:
    """Since the preferences were read."""
    world.sql(
        "update qbo_sync.company set preferences_read_at = preferences_read_at - make_interval(mins => %s)", minutes
    )


def waiting(world: World) -> set[tuple[str, str]]:
    """What is parked: (record's entity, operation). Nothing else is wrong."""
    errors = world.errors()
    assert {error["error_code"] for error in errors} <= {"books_closed"}
    return {(error["record_entity"], error["operation"]) for error in errors}


def reads_of_preferences(world: World) -> int:
    return world.value("select count(*) from qbo_sync.api_call where resource = 'Preferences'")


def in_quickbooks(world: World, kind: str, table: str, record: int) -> Json:
    link = world.link(table, record)
    assert link
    body: Json = world.qbo.call(f"{kind.lower()}/{link['qbo_id']}")[kind]
    return body


class Ledger:
    """One record of each kind to create, to change and to delete."""

    def __init__(self, world: World, *, on: date) -> None:
        """Two invoices of 06/01 that stay; the others, and what is un-invoiced, are dated `on`."""
        self.world, self.on = world, on
        self.account, self.product = world.account(), world.product()
        self.pair = world.pair(self.account)
        self.first, self.second = self.invoice(date(2026, 6, 1)), self.invoice(date(2026, 6, 1))
        self.uninvoiced = self.invoice(on)
        self.payment = world.payment(self.account, "30.00", {self.first: "30.00"})
        self.deleted_payment = world.payment(self.account, "11.00")
        self.credit = world.credit(self.account, "20.00", {self.first: "20.00"})
        self.deleted_credit = world.credit(self.account, "12.00")
        world.both()
        assert world.errors() == []

    def invoice(self, on: date) -> int:
        """One over $100 for what QuickBooks has already."""
        return self.world.invoice(self.world.case(self.pair, [{"product": self.product}]), on=on)

    def change_everything(self) -> None:
        """All that the LMS can do to it."""
        world = self.world
        self.new_invoice = self.invoice(self.on)
        world.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", self.uninvoiced)
        self.new_payment = world.payment(self.account, "13.00", {self.second: "13.00"})
        world.sql("update lms.payment set amount = 35 where id = %s", self.payment)
        world.apply("payment", self.payment, {self.first: "35.00"})
        world.sql("delete from lms.payment where id = %s", self.deleted_payment)
        self.new_credit = world.credit(self.account, "14.00")
        world.sql("update lms.credit set amount = 25 where id = %s", self.credit)
        world.apply("credit", self.credit, {self.first: "15.00", self.second: "5.00"})
        world.sql("delete from lms.credit where id = %s", self.deleted_credit)

    def assert_in_quickbooks(self) -> None:
        """All of it is there."""
        world = self.world
        assert world.errors() == []
        assert [world.qbo_invoice(one)["Balance"] for one in (self.first, self.second, self.new_invoice)] == [
            50,
            82,
            100,
        ]
        assert sorted(one["TotalAmt"] for one in world.qbo.all("Payment")) == [0, 13, 35]
        assert sorted(one["TotalAmt"] for one in world.qbo.all("CreditMemo")) == [14, 25]
        assert len(world.qbo.all("Invoice")) == 3
        assert world.link("invoice", self.uninvoiced) is None


EVERYTHING = {
    ("invoice", "create"),
    ("invoice", "delete"),
    ("payment", "create"),
    ("payment", "update"),
    ("payment", "delete"),
    ("credit", "create"),
    ("credit", "update"),
    ("credit", "delete"),
    ("credit_application", "update"),
}


def test_nothing_of_a_closed_period_is_sent_and_all_of_it_goes_once_it_is_open(world: World) -> None:
    ledger = Ledger(world, on=OPEN_INVOICE)
    close(world, AFTER_ALL)
    minutes_pass(world)
    before = world.qbo.writes()
    ledger.change_everything()
    world.both()
    assert waiting(world) == EVERYTHING
    world.poll()
    assert (waiting(world), world.qbo.writes()) == (EVERYTHING, before)
    told = {(error["entity"], error["operation"]): error for error in world.errors()}
    assert "was not changed in QuickBooks: it is dated 06/15/2026" in told["payment", "update"]["message"]
    assert "the books are closed there through 06/20/2026" in told["invoice", "create"]["message"]
    assert "The person who closed the books in QuickBooks decides" in told["invoice", "delete"]["resolution"]
    assert world.link("invoice", ledger.uninvoiced), "the link stays as long as the invoice is in QuickBooks"
    assert world.value("select count(*) from lms.invoice where id = %s", ledger.uninvoiced) == 0
    close(world, None)
    world.poll()
    ledger.assert_in_quickbooks()
    assert world.sql("select 1 from qbo_sync.sync_error where status <> 'resolved'") == []


@pytest.mark.parametrize("older_invoices", ["allow", "refuse"])
def test_what_is_dated_after_the_close_goes_even_if_it_pays_an_older_invoice(world: World, older_invoices: str) -> None:
    """Whether QuickBooks looks at the day of the invoice that a payment pays, no source says: both are survived."""
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", {"closed_invoice_payment": older_invoices})
    ledger = Ledger(world, on=OPEN_INVOICE)
    close(world, AFTER_INVOICES)
    minutes_pass(world)
    ledger.change_everything()
    world.both()
    if older_invoices == "refuse":
        refused = {(error["record_entity"], error["operation"], error["error_code"]) for error in world.errors()}
        assert refused == {
            ("payment", "create", "qbo_6210"),
            ("payment", "update", "qbo_6210"),
            ("credit_application", "update", "qbo_6210"),
        }
        close(world, None)
        world.poll()
        world.poll()
    ledger.assert_in_quickbooks()


def test_an_invoice_that_stays_in_closed_books_stays_paid_there(world: World) -> None:
    """The case is un-invoiced; in QuickBooks neither the invoice nor what settles it changes."""
    account, invoice, _ = invoiced(world)
    payment = world.payment(account, "60.00", {invoice: "60.00"})
    credit = world.credit(account, "10.00", {invoice: "10.00"})
    world.both()
    close(world, AFTER_INVOICES)
    minutes_pass(world)
    made = world.qbo_invoice(invoice)
    world.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", invoice)
    for _ in range(2):
        world.both()
        world.poll()
    assert waiting(world) == {("invoice", "delete")}
    assert world.qbo.call(f"invoice/{made['Id']}")["Invoice"]["Balance"] == 30
    assert world.value("select count(*) from lms.invoice") == 0
    close(world, None)
    world.poll()
    assert (world.errors(), world.qbo.all("Invoice")) == ([], [])
    assert in_quickbooks(world, "Payment", "payment", payment)["UnappliedAmt"] == 60
    world.both()
    assert in_quickbooks(world, "CreditMemo", "credit", credit)["Balance"] == 10
    assert len(world.qbo.all("Payment")) == 1, "what applied the credit is gone with the invoice"


def test_the_day_in_quickbooks_counts_too(world: World) -> None:
    """The bookkeeper has moved an invoice into a period that is closed now; Pilot's own day is open."""
    account = world.account()
    invoice = world.simple_invoice(account, on=OPEN_INVOICE)
    world.both()
    world.qbo.update("Invoice", world.qbo_invoice(invoice), TxnDate="2026-05-31")
    world.both()
    close(world, AFTER_INVOICES)
    minutes_pass(world)
    world.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", invoice)
    world.sync()
    [error] = world.errors()
    assert error["error_code"] == "books_closed"
    assert "it is dated 05/31/2026" in error["message"]
    assert len(world.qbo.all("Invoice")) == 1


def test_the_closing_date_is_a_minute_old_at_most_for_what_is_dated_in_the_past(world: World) -> None:
    account, _, _ = invoiced(world)
    before = reads_of_preferences(world)
    world.sql("update qbo_sync.company set preferences_read_at = clock_timestamp()")
    world.payment(account, "1.00")
    world.sync()
    assert reads_of_preferences(world) == before, "read a moment ago"
    minutes_pass(world)
    today = world.simple_invoice(account, on=datetime.now(UTC).date())
    world.sync()
    assert world.link("invoice", today)
    assert reads_of_preferences(world) == before, "no day that is not over is closed"
    close(world, AFTER_ALL)
    world.payment(account, "2.00")
    world.sync()
    assert reads_of_preferences(world) == before + 1
    assert waiting(world) == {("payment", "create")}


def test_what_comes_from_quickbooks_is_not_held_back_by_its_closing_date(world: World) -> None:
    """QuickBooks has allowed it: it was entered before the close, or with the closing date's password."""
    _, invoice, customer = invoiced(world)
    received(world, customer, "40.00", TxnDate="2026-06-05")
    world.qbo.update("Invoice", world.qbo_invoice(invoice), Line=[{**world.qbo_invoice(invoice)["Line"][0]}])
    close(world, AFTER_ALL)
    minutes_pass(world)
    world.both()
    assert world.errors() == []
    assert world.sql("select amount, origin from lms.payment") == [{"amount": 40, "origin": "qbo"}]


def test_a_new_day_in_pilot_lets_a_new_record_go(world: World) -> None:
    close(world, AFTER_INVOICES)
    minutes_pass(world)
    first = world.simple_invoice()
    world.sync()
    assert waiting(world) == {("invoice", "create")}
    world.sql("update lms.invoice set invoice_date = %s where id = %s", OPEN_INVOICE, first)
    world.sync()
    assert world.errors() == []
    assert world.qbo_invoice(first)["TxnDate"] == "2026-06-12"
