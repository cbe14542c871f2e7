"""A lab's new invoices may wait before they go to QuickBooks: N days, or until their month has ended."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.support.pipeline import as_pipeline
from tests.support.quickbooks import Json
from tests.support.world import INVOICES, World

TODAY = datetime.now(UTC).date()


def hold(world: World, setting: str, days: int = 0) -> None:
    world.sql(
        "update qbo_sync.connection set hold_invoices = %s, hold_days = %s where billing_lab_id = %s",
        setting,
        days,
        world.lab,
    )


def held(world: World) -> list[int]:
    """The invoices that wait."""
    return [one["invoice_id"] for one in world.sql("select * from qbo_sync.held_invoice order by invoice_id")]


def mark(world: World, invoice: int) -> Json | None:
    found = world.sql("select * from qbo_sync.change_mark where entity = 'invoice' and record_id = %s", str(invoice))
    return found[0] if found else None


def release(world: World, invoices: list[int] | None = None, lab: int | None = None) -> int:
    released: int = world.value("select qbo_sync.release_invoices(%s, 'uma', %s::bigint[])", lab or world.lab, invoices)
    return released


def days_pass(world: World, days: int) -> None:
    """Everything is that much older, and nobody has touched it."""
    with world.connection.transaction():
        as_pipeline(world.connection)
        world.connection.execute("update lms.invoice set invoice_date = invoice_date - %s", [days])
    world.sql("update qbo_sync.change_mark set attempt_after = attempt_after - make_interval(days => %s)", days)


@pytest.mark.parametrize(
    ("setting", "days", "dated", "goes_out"),
    [
        ("none", 5, date(2026, 11, 26), None),
        ("days", 1, date(2026, 11, 26), datetime(2026, 11, 27, 12, tzinfo=UTC)),
        ("days", 30, date(2027, 12, 31), datetime(2028, 1, 30, 12, tzinfo=UTC)),
        ("days", 1, date(2028, 2, 28), datetime(2028, 2, 29, 12, tzinfo=UTC)),
        ("month_end", 0, date(2026, 11, 1), datetime(2026, 12, 1, 12, tzinfo=UTC)),
        ("month_end", 0, date(2026, 11, 30), datetime(2026, 12, 1, 12, tzinfo=UTC)),
        ("month_end", 9, date(2026, 12, 31), datetime(2027, 1, 1, 12, tzinfo=UTC)),
        ("month_end", 0, date(2028, 2, 29), datetime(2028, 3, 1, 12, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles", "Pacific/Auckland"])
def test_it_goes_out_on_the_morning_of_a_day_wherever_the_server_is(
    world: World, setting: str, days: int, dated: date, goes_out: datetime | None, zone: str
) -> None:
    with world.connection.transaction():
        world.connection.execute("select set_config('timezone', %s, true)", [zone])
        [at] = world.connection.execute("select qbo_sync.goes_out_at(%s, %s, %s)", [setting, days, dated]).fetchall()
    assert at[0] == goes_out


@pytest.mark.setting("hold_invoices")
@pytest.mark.setting("hold_days")
def test_an_invoice_waits_with_all_that_hangs_on_it_and_goes_when_its_time_has_come(world: World) -> None:
    hold(world, "days", 3)
    account = world.account()
    invoice = world.simple_invoice(account, on=TODAY)
    payment = world.payment(account, "60.00", {invoice: "60.00"})
    credit = world.credit(account, "10.00", {invoice: "10.00"})
    world.sql("select qbo_sync.dispatch_lms_changes()")
    calls = world.value("select count(*) from qbo_sync.api_call")
    counts = world.run(INVOICES)
    assert (counts["waiting"], held(world)) == (1, [invoice])
    assert world.value("select count(*) from qbo_sync.api_call") == calls, "of what is held QuickBooks is not asked"
    waits = mark(world, invoice)
    assert waits and waits["attempt_after"] == datetime.combine(
        TODAY + timedelta(days=3), datetime.min.time(), UTC
    ) + timedelta(hours=12)
    world.sync()
    assert (world.errors(), world.qbo.all("Invoice"), world.qbo.all("Payment")) == ([], [], [])
    assert world.qbo.all("Customer") == [], "nothing is made before an invoice needs it"
    # Nothing is due meanwhile, however long: neither the invoice nor what waits for it.
    world.sql("update qbo_sync.change_mark set waits_since = now() - interval '2 hours'")
    assert (
        world.sql("select * from qbo_sync.due_mark where entity in ('invoice', 'payment', 'credit_application')") == []
    )
    days_pass(world, 2)
    assert held(world) == [invoice]
    days_pass(world, 2)
    world.both()
    assert (world.errors(), held(world)) == ([], [])
    assert world.qbo_invoice(invoice)["Balance"] == 30
    assert world.link("payment", payment) and world.link("credit", credit)


@pytest.mark.parametrize("which", ["one", "all"])
def test_what_is_released_by_hand_goes_at_once_and_who_did_it_is_kept(world: World, which: str) -> None:
    hold(world, "month_end")
    account = world.account()
    other_lab = world.billing_lab("Second Lab")
    world.connect(other_lab, world.qbo)
    first, second = (world.simple_invoice(account, on=TODAY) for _ in range(2))
    world.sync()
    assert held(world) == [first, second]
    assert release(world, lab=other_lab) == 0, "not another lab's"
    assert release(world, [first] if which == "one" else None) == (1 if which == "one" else 2)
    assert release(world, [first]) == 0, "once"
    world.sync()
    assert world.link("invoice", first)
    assert held(world) == ([second] if which == "one" else [])
    assert len(world.qbo.all("Invoice")) == (1 if which == "one" else 2)
    [kept] = world.sql("select * from qbo_sync.page_change order by id desc limit 1")
    assert (kept["user_name"], kept["action"], kept["billing_lab_id"]) == ("uma", "release", world.lab)
    number = world.lms_invoice(first)["invoice_number"]
    assert number in kept["detail"]["invoices"]
    assert world.prune()["released_invoice"] == (1 if which == "one" else 2)


def test_turned_off_they_go_at_once_and_turned_on_only_new_ones_wait(world: World) -> None:
    account = world.account()
    sent = world.simple_invoice(account, on=TODAY)
    world.sync()
    hold(world, "days", 30)
    waiting = world.simple_invoice(account, on=TODAY)
    world.payment(account, "40.00", {sent: "40.00"})
    world.both()
    assert held(world) == [waiting]
    assert world.qbo_invoice(sent)["Balance"] == 60, "what is in QuickBooks goes on as ever"
    old = world.simple_invoice(account, on=TODAY - timedelta(days=31))
    world.sync()
    assert world.link("invoice", old), "its time is over"
    hold(world, "none")
    world.sync()
    assert world.link("invoice", waiting)
    assert (held(world), world.errors()) == ([], [])


def test_an_uninvoiced_one_never_goes_out(world: World) -> None:
    hold(world, "month_end")
    invoice = world.simple_invoice(on=TODAY)
    world.sync()
    world.sql("select lms.uninvoice_case(case_id) from lms.invoice where id = %s", invoice)
    world.sync()
    assert (held(world), mark(world, invoice), world.errors()) == ([], None, [])
    hold(world, "none")
    world.sync()
    assert world.qbo.all("Invoice") == []


def test_what_is_wrong_with_a_held_invoice_is_told_while_there_is_time(world: World) -> None:
    hold(world, "month_end")
    invoice = world.simple_invoice(on=TODAY)
    world.sql("update lms.invoice set invoice_number = repeat('9', 22) where id = %s", invoice)
    world.sync()
    assert [error["error_code"] for error in world.errors()] == ["validation_failed"]
    world.sql("update lms.invoice set invoice_number = '90417' where id = %s", invoice)
    world.sync()
    assert (held(world), world.errors()) == ([invoice], [])


def test_one_that_the_bookkeeper_enters_in_quickbooks_is_linked(world: World) -> None:
    """Nothing is sent, and there is no second one when its time has come."""
    account = world.account()
    world.simple_invoice(account, on=TODAY)
    world.both()
    hold(world, "month_end")
    invoice = world.simple_invoice(account, on=TODAY)
    world.sync()
    ours, [there] = world.lms_invoice(invoice), world.qbo.all("Invoice")
    line = {"Amount": 100, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {"Qty": 1, "UnitPrice": 100}}
    made = world.qbo.create(
        "Invoice",
        CustomerRef=there["CustomerRef"],
        DocNumber=ours["invoice_number"],
        TxnDate=TODAY.isoformat(),
        Line=[line],
    )
    world.both()
    link = world.link("invoice", invoice)
    assert link and link["qbo_id"] == made["Id"]
    assert (held(world), world.errors(), len(world.qbo.all("Invoice"))) == ([], [], 2)
