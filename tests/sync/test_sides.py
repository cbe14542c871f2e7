"""An error shows its record on both sides, and in what they differ."""

from decimal import Decimal

import requests

from include.sync import sides
from tests.support.bookkeeper import in_quickbooks, pays, received, sale
from tests.support.quickbooks import Json
from tests.support.world import World


def shown(world: World, code: str) -> Json:
    """Both sides, as the one open error of the code has them."""
    [error] = [error for error in world.errors() if error["error_code"] == code]
    return error["detail"]["sides"]


def reads(world: World) -> int:
    """Metered calls since the statistics were reset."""
    return world.qbo.control("GET", "stats")["requests"]["total"]


def line(product: str, amount: str) -> Json:
    return {
        "product": product,
        "description": None,
        "quantity": 1,
        "unit_price": Decimal(amount),
        "amount": Decimal(amount),
    }


def test_an_invoice_with_another_total(world: World) -> None:
    account = world.account("Cedar Grove")
    product = world.product("Crown")
    pair = world.pair(account)
    invoice = world.invoice(world.case(pair, [{"product": product}]), shipping="7.00", tax="5.00")
    world.both()
    world.payment(account, "40.00", {invoice: "40.00"})
    world.credit(account, "10.00", {invoice: "10.00"})
    world.both()
    world.sql("update lms.invoice set total_amount = 99.00 where id = %s", invoice)
    world.both()
    found = shown(world, "total_mismatch")
    ours, theirs = found["lms"], found["qbo"]
    assert found["differs"] == ["total"] and found["absent"] == {}
    assert (ours["total"], theirs["total"]) == (99, 112)
    paid = [
        {"document": "Credit of 06/15/2026", "amount": 10},
        {"document": "Payment of 06/15/2026", "amount": 40},
    ]
    for side in (ours, theirs):
        assert side["kind"] == "invoice" and side["number"].startswith("INV-")
        assert (side["date"], side["customer"]) == ("2026-06-01", "Cedar Grove")
        assert (side["shipping"], side["tax"], side["discount"], side["open_balance"]) == (7, 5, 0, 62)
        assert side["lines"] == [line("Crown", "100.00")]
        assert sorted(side["applied"], key=str) == sorted(paid, key=str)


def test_a_payment_that_quickbooks_refuses(world: World) -> None:
    account = world.account("Cedar Grove")
    invoice = world.simple_invoice(account)
    world.both()
    bill = world.qbo_invoice(invoice)
    payment = world.payment(account, "100.00", {invoice: "100.00"}, reference="check 17")
    received(world, bill["CustomerRef"]["value"], "60.00", pays(bill, "60.00"))
    world.run("payment_lms_to_qbo")
    found = shown(world, "qbo_6000")
    assert (found["qbo"], found["absent"], found["differs"]) == (None, {"qbo": sides.NOT_IN_QUICKBOOKS}, [])
    assert found["lms"] == {
        "kind": "payment",
        "number": "check 17",
        "date": "2026-06-15",
        "customer": "Cedar Grove",
        "total": 100,
        "unapplied": 0,
        "applied": [{"document": f"Invoice {bill['DocNumber']}", "amount": 100}],
    }
    assert world.link("payment", payment) is None


def test_a_payment_that_cannot_be_changed(world: World) -> None:
    account = world.account()
    invoice, other = world.simple_invoice(account), world.simple_invoice(account)
    world.both()
    payment = world.payment(account, "100.00", {invoice: "100.00"})
    world.both()
    theirs = world.qbo.call(f"payment/{world.link('payment', payment)['qbo_id']}")["Payment"]  # type: ignore[index]
    world.qbo.create(
        "Deposit",
        DepositToAccountRef={"value": next(one["Id"] for one in world.qbo.all("Account") if one["Name"] == "Checking")},
        Line=[{"Amount": Decimal(100), "LinkedTxn": [{"TxnId": theirs["Id"], "TxnType": "Payment", "TxnLineId": "0"}]}],
    )
    world.apply("payment", payment, {invoice: "60.00", other: "30.00"})
    world.run("payment_lms_to_qbo")
    found = shown(world, "qbo_6540")
    numbers = [world.lms_invoice(one)["invoice_number"] for one in (invoice, other)]
    assert found["differs"] == ["unapplied", "applied"]
    assert (found["lms"]["unapplied"], found["qbo"]["unapplied"]) == (10, 0)
    assert [one["document"] for one in found["lms"]["applied"]] == [f"Invoice {number}" for number in numbers]
    assert found["qbo"]["applied"] == [{"document": f"Invoice {numbers[0]}", "amount": 100}]
    assert (found["qbo_id"], found["qbo"]["total"]) == (theirs["Id"], 100)


def test_a_credit_that_finds_no_room(world: World) -> None:
    account = world.account("Cedar Grove")
    invoice = world.simple_invoice(account)
    world.both()
    bill = world.qbo_invoice(invoice)
    received(world, bill["CustomerRef"]["value"], "60.00", pays(bill, "60.00"))
    credit = world.credit(account, "100.00", {invoice: "100.00"}, note="remake")
    world.sync()
    found = shown(world, "qbo_6000")
    assert found["differs"] == ["unapplied", "applied"]
    same = {"kind": "credit", "date": "2026-06-15", "customer": "Cedar Grove", "total": 100, "memo": "remake"}
    pays_it = [{"document": f"Invoice {bill['DocNumber']}", "amount": 100}]
    assert found["lms"] == {**same, "unapplied": 0, "applied": pays_it}
    assert found["qbo"] == {**same, "unapplied": 100, "applied": []}
    assert found["qbo_id"] == world.link("credit", credit)["qbo_id"]  # type: ignore[index]


def test_a_credit_memo_that_a_bookkeeper_has_used_up_says_so(world: World) -> None:
    account = world.account()
    world.simple_invoice(account)
    world.credit(account, "50.00")
    world.both()
    [memo] = world.qbo.all("CreditMemo")
    own = in_quickbooks(world, memo["CustomerRef"]["value"], sale("80.00"), DocNumber="B-7")
    lines = [pays(own, "50.00"), pays(memo, "50.00", "CreditMemo")]
    received(world, memo["CustomerRef"]["value"], "0", *lines)
    invoice = world.simple_invoice(account)
    world.sql("insert into lms.credit_application select id, %s, 50 from lms.credit", invoice)
    world.both()
    found = shown(world, "qbo_6000")
    assert sum(one["amount"] for one in found["qbo"]["applied"]) == 50
    assert (found["lms"]["unapplied"], found["qbo"]["unapplied"]) == (0, 0)
    assert "applied" in found["differs"]


def test_a_customer_whose_name_is_taken(world: World) -> None:
    account = world.account("Cedar Grove", "detailed", email="office@cedargrove.example")
    pair = world.pair(account, "Dr. Roe")
    world.qbo.create("Vendor", DisplayName="Dr. Roe")
    world.simple_invoice(pair=pair)
    world.sync()
    found = shown(world, "name_taken")
    assert (found["qbo"], found["absent"]) == (None, {"qbo": sides.NOT_IN_QUICKBOOKS})
    assert found["lms"] == {"kind": "customer", "name": "Dr. Roe", "parent": "Cedar Grove"}


def test_an_invoice_from_quickbooks_for_a_customer_that_is_not_linked(world: World) -> None:
    customer = world.qbo.create("Customer", DisplayName="Park Ave. Dental")
    made = in_quickbooks(world, customer["Id"], sale("40.00", quantity="2"), DocNumber="1187")
    received(world, customer["Id"], "30.00", pays(made, "30.00"))
    world.fetch()
    [error] = [error for error in world.errors() if error["entity"] == "invoice"]
    found = error["detail"]["sides"]
    assert error["error_code"] == "customer_not_linked"
    assert (found["lms"], found["absent"], found["differs"]) == (None, {"lms": sides.NOT_IN_PILOT}, [])
    theirs = found["qbo"]
    assert (theirs["number"], theirs["date"], theirs["customer"]) == ("1187", "2026-06-20", "Park Ave. Dental")
    assert [(one["quantity"], one["amount"]) for one in theirs["lines"]] == [(2, 80)]
    assert (theirs["total"], theirs["open_balance"]) == (80, 50)
    assert theirs["applied"] == [{"document": "Payment of 06/22/2026", "amount": 30}]


def test_a_conflict_shows_both_versions_as_they_were(world: World) -> None:
    """By now Pilot has QuickBooks' version."""
    account = world.account()
    invoice = world.simple_invoice(account)
    world.both()
    payment = world.payment(account, "100.00", {invoice: "50.00"})
    world.both()
    theirs = world.qbo.call(f"payment/{world.link('payment', payment)['qbo_id']}")["Payment"]  # type: ignore[index]
    world.sql("update lms.payment set amount = 110 where id = %s", payment)
    world.qbo.update("Payment", theirs, CustomerRef=theirs["CustomerRef"], TotalAmt=Decimal(90), Line=theirs["Line"])
    world.both()
    found = shown(world, "conflict_qbo_kept")
    assert world.value("select amount from lms.payment where id = %s", payment) == 90
    assert (found["lms"]["total"], found["qbo"]["total"]) == (110, 90)
    assert found["differs"] == ["total", "unapplied"]


def test_a_record_that_is_gone_on_one_side_says_so(world: World) -> None:
    account = world.account()
    world.simple_invoice(account)
    credit = world.credit(account, "50.00")
    world.both()
    [memo] = world.qbo.all("CreditMemo")
    world.qbo.call("creditmemo", {"Id": memo["Id"], "SyncToken": memo["SyncToken"]}, operation="delete")
    world.sql("update lms.credit set amount = 60 where id = %s", credit)
    world.both()
    found = shown(world, "deleted_in_quickbooks")
    assert (found["qbo"], found["absent"]) == (None, {"qbo": sides.DELETED_IN_QUICKBOOKS})
    assert found["lms"]["total"] == 60


def test_quickbooks_is_asked_once_and_again_only_when_something_has_changed(world: World) -> None:
    customer = world.qbo.create("Customer", DisplayName="Park Ave. Dental")
    made = [in_quickbooks(world, customer["Id"], DocNumber=f"B-{number}") for number in range(5)]
    world.capture()
    run = world.prepared("invoice_qbo_to_lms")
    world.qbo.control("POST", "stats/reset")
    world.load(run)
    assert len([error for error in world.errors() if error["detail"]["sides"]["qbo"]]) == 5
    assert reads(world) == 1, "all new errors of a load together"
    as_of = [error["detail"]["sides"]["as_of"] for error in world.errors()]
    world.companies(world.as_run("invoice_qbo_to_lms"), resync=True)
    run = world.prepared("invoice_qbo_to_lms")
    world.qbo.control("POST", "stats/reset")
    world.load(run)
    assert reads(world) == 0, "nothing has changed"
    assert [error["detail"]["sides"]["as_of"] for error in world.errors()] == as_of
    world.qbo.update("Invoice", made[0], Line=[sale("81.00")])
    world.capture()
    run = world.prepared("invoice_qbo_to_lms")
    world.qbo.control("POST", "stats/reset")
    world.load(run)
    assert reads(world) == 1
    totals = [error["detail"]["sides"]["qbo"]["total"] for error in world.errors()]
    assert sorted(totals) == [80, 80, 80, 80, 81]


def test_a_quickbooks_that_does_not_answer_stops_nothing(world: World) -> None:
    customer = world.qbo.create("Customer", DisplayName="Park Ave. Dental")
    in_quickbooks(world, customer["Id"])
    world.capture()
    run = world.prepared("invoice_qbo_to_lms")
    world.qbo.control("POST", "faults", {"kind": "http_503", "operation": "query", "times": 50})
    assert world.load(run)["failed"] == 1
    [error] = world.errors()
    assert error["error_code"] == "customer_not_linked" and "sides" not in error["detail"]
    requests.delete(f"{world.qbo.url}/sandbox/faults", timeout=10)
    world.account()
    world.run("billing_account_lms_to_qbo")
    in_quickbooks(world, customer["Id"], DocNumber="later")
    world.fetch()
    assert [error["detail"]["sides"]["qbo"]["total"] for error in world.errors()] == [80, 80], "made up for"


def test_what_is_deleted_in_quickbooks_meanwhile_says_so(world: World) -> None:
    customer = world.qbo.create("Customer", DisplayName="Park Ave. Dental")
    made = in_quickbooks(world, customer["Id"])
    world.capture()
    run = world.prepared("invoice_qbo_to_lms")
    world.qbo.call("invoice", {"Id": made["Id"], "SyncToken": made["SyncToken"]}, operation="delete")
    world.load(run)
    found = shown(world, "customer_not_linked")
    assert (found["qbo"], found["absent"]["qbo"]) == (None, sides.DELETED_IN_QUICKBOOKS)
