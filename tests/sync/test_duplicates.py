"""The same check entered on both sides (rule 9), and what QuickBooks says when more is applied than is open (6000)."""

from decimal import Decimal

import pytest

from include.sync.payment_link import link_payment
from tests.support.bookkeeper import change, in_quickbooks, pays, received, remove, sale, void
from tests.support.both_sides import customer_of, invoiced, linked_account, of_qbo, qbo_payment, quiet
from tests.support.quickbooks import Json
from tests.support.world import World


def link_there(world: World, error: Json) -> None:
    """What the page's Link does."""
    with world.connection.transaction():
        link_payment(world.connection, error["realm_id"], error["lms_id"], error["detail"]["qbo_payment_id"])


def keep_both(world: World, error: Json) -> None:
    """What the page's Keep both does, and whoever ignores the error."""
    world.sql("update qbo_sync.sync_error set status = 'ignored' where id = %s", error["id"])


def the_one_question(world: World, payment: int, made: Json) -> Json:
    """The one open error: it names both payments."""
    [error] = world.errors()
    assert (error["error_code"], error["entity"], error["direction"]) == ("possible_duplicate", "payment", "lms_to_qbo")
    assert (error["lms_id"], error["detail"]["qbo_payment_id"]) == (payment, made["Id"])
    assert "$100.00 dated 06/15/2026" in error["message"]
    assert "$100.00 dated 06/17/2026" in error["message"]
    return error


def both_payments(world: World, order: str) -> tuple[int, int, Json]:
    """The customer's one check of $100, entered on both sides: invoice, LMS payment, QuickBooks payment."""
    account, invoice, customer = invoiced(world)

    def by_the_bookkeeper() -> Json:
        return received(world, customer, "100.00", pays(world.qbo_invoice(invoice), "100.00"), TxnDate="2026-06-17")

    if order == "the bookkeeper a minute before":
        made = by_the_bookkeeper()
        world.both()
        assert world.lms_invoice(invoice)["balance"] == 0
        payment = world.payment(account, "100.00", {invoice: "100.00"})
    elif order == "at once, seen in QuickBooks first":
        made = by_the_bookkeeper()
        payment = world.payment(account, "100.00", {invoice: "100.00"})
        world.fetch()
    else:
        made = by_the_bookkeeper()
        payment = world.payment(account, "100.00", {invoice: "100.00"})
    world.both()
    return invoice, payment, made


ORDERS = ["at once", "at once, seen in QuickBooks first", "the bookkeeper a minute before"]


@pytest.mark.rule("9.d")
@pytest.mark.parametrize("order", ORDERS)
def test_nothing_is_doubled_or_merged_before_somebody_has_chosen(world: World, order: str) -> None:
    invoice, payment, made = both_payments(world, order)
    the_one_question(world, payment, made)
    assert [one["Id"] for one in world.qbo.all("Payment")] == [made["Id"]]
    assert world.link("payment", payment) is None
    copies = world.sql("select id from lms.payment where origin = 'qbo'")
    assert len(copies) == (1 if order == ORDERS[2] else 0)
    assert world.qbo_invoice(invoice)["Balance"] == 0
    world.qbo.control("POST", "stats/reset")
    world.both()
    assert world.qbo.writes() == 0
    the_one_question(world, payment, made)


@pytest.mark.rule("9.d")
@pytest.mark.parametrize("order", ORDERS)
def test_linked_it_is_one_payment(world: World, order: str) -> None:
    invoice, payment, made = both_payments(world, order)
    link_there(world, the_one_question(world, payment, made))
    world.both()
    assert world.errors() == []
    assert [row["id"] for row in world.sql("select id from lms.payment")] == [payment]
    assert [one["Id"] for one in world.qbo.all("Payment")] == [made["Id"]]
    assert qbo_payment(world, payment)["Id"] == made["Id"]
    assert str(world.value("select payment_date from lms.payment")) == made["TxnDate"], "QuickBooks' version counts"
    assert world.lms_invoice(invoice)["balance"] == world.qbo_invoice(invoice)["Balance"] == 0
    quiet(world)


@pytest.mark.rule("9.d")
def test_quickbooks_version_counts_when_they_are_linked(world: World) -> None:
    """The bookkeeper has put a part of it elsewhere."""
    account, invoice, customer = invoiced(world)
    other = world.simple_invoice(account)
    world.both()
    lines = [pays(world.qbo_invoice(invoice), "60.00"), pays(world.qbo_invoice(other), "40.00")]
    made = received(world, customer, "100.00", *lines, TxnDate="2026-06-17")
    world.both()
    payment = world.payment(account, "100.00", {invoice: "100.00"})
    world.both()
    link_there(world, the_one_question(world, payment, made))
    world.both()
    assert world.sql("select invoice_id, amount from lms.payment_application order by invoice_id") == [
        {"invoice_id": invoice, "amount": 60},
        {"invoice_id": other, "amount": 40},
    ]
    assert [world.lms_invoice(one)["balance"] for one in (invoice, other)] == [40, 60]
    assert world.errors() == []
    quiet(world)


@pytest.mark.rule("9.d")
@pytest.mark.parametrize("order", ORDERS)
def test_kept_both_each_goes_its_way(world: World, order: str) -> None:
    """The customer has paid twice: QuickBooks' payment is in the LMS; the LMS's finds nothing open, and says so."""
    _, payment, made = both_payments(world, order)
    keep_both(world, the_one_question(world, payment, made))
    world.both()
    [error] = world.errors()
    assert (error["error_code"], error["lms_id"]) == ("qbo_6000", payment)
    assert world.value("select count(*) from lms.payment where origin = 'qbo'") == 1
    world.apply("payment", payment, {})
    world.both()
    assert world.errors() == []
    assert len(world.qbo.all("Payment")) == 2
    assert qbo_payment(world, payment)["UnappliedAmt"] == 100
    quiet(world)


@pytest.mark.rule("9.d", "8.3.c")
@pytest.mark.parametrize("how", ["the LMS's is deleted", "QuickBooks' is deleted"])
def test_one_of_the_two_may_be_deleted_instead(world: World, how: str) -> None:
    invoice, payment, made = both_payments(world, ORDERS[0])
    error = the_one_question(world, payment, made)
    if how == "the LMS's is deleted":
        world.apply("payment", payment, {})
        world.sql("delete from lms.payment where id = %s", payment)
    else:
        remove(world, made, "Payment")
        world.both()
        world.sql("update qbo_sync.sync_error set retry_at = now() where id = %s", error["id"])
    world.both()
    assert world.errors() == []
    [there] = world.qbo.all("Payment")
    assert there["TotalAmt"] == 100
    assert world.value("select count(*) from lms.payment") == 1
    assert world.lms_invoice(invoice)["balance"] == world.qbo_invoice(invoice)["Balance"] == 0
    quiet(world)


@pytest.mark.rule("9.d")
@pytest.mark.parametrize("what", ["amount", "six days apart", "customer", "another invoice with room"])
def test_what_differs_is_no_duplicate(world: World, what: str) -> None:
    account, invoice, customer = invoiced(world)
    other, theirs = world.simple_invoice(account), invoice
    stranger, his, _ = invoiced(world)
    world.both()
    amount, day = ("60.00" if what == "amount" else "40.00"), "2026-06-17"
    if what == "six days apart":
        day = "2026-06-21"
    if what == "another invoice with room":
        theirs = other
    made = received(world, customer, amount, pays(world.qbo_invoice(theirs), amount), TxnDate=day)
    if what == "customer":
        world.payment(stranger, "40.00", {his: "40.00"})
    else:
        world.payment(account, "40.00", {invoice: "40.00"})
    world.both()
    assert world.errors() == []
    assert len(world.qbo.all("Payment")) == 2
    assert world.value("select count(*) from lms.payment") == 2
    assert of_qbo_payment(world, made)
    quiet(world)


def of_qbo_payment(world: World, made: Json) -> bool:
    return bool(world.sql("select 1 from qbo_sync.entity_link where entity = 'payment' and qbo_id = %s", made["Id"]))


@pytest.mark.rule("9.d")
def test_two_like_payments_with_room_for_both_that_the_bookkeeper_enters_are_two(world: World) -> None:
    """Both of one side: nobody asks."""
    _, invoice, customer = invoiced(world)
    for _ in range(2):
        received(world, customer, "50.00", pays(world.qbo_invoice(invoice), "50.00"))
    world.both()
    assert world.errors() == []
    assert world.lms_invoice(invoice)["balance"] == 0
    quiet(world)


@pytest.mark.rule("9.d")
@pytest.mark.parametrize("order", ["at once", "a minute later"])
def test_it_is_asked_too_where_there_is_room_for_both(world: World, order: str) -> None:
    """Also of the same day, and in the same second."""
    account, invoice, customer = invoiced(world)
    received(world, customer, "40.00", pays(world.qbo_invoice(invoice), "40.00"), TxnDate="2026-06-15")
    if order == "a minute later":
        world.both()
    world.payment(account, "40.00", {invoice: "40.00"})
    world.both()
    assert [error["error_code"] for error in world.errors()] == ["possible_duplicate"]
    assert len(world.qbo.all("Payment")) == 1


@pytest.mark.rule("9.d")
def test_the_main_customer_and_its_sub_customer_are_one_payer(world: World) -> None:
    """The bookkeeper books it on the practice, lab staff on the doctor."""
    account = world.account(structure="detailed")
    pair = world.pair(account)
    invoice = world.simple_invoice(pair=pair)
    world.both()
    bill = world.qbo_invoice(invoice)
    received(world, customer_of(world, account), "100.00", pays(bill, "100.00"), TxnDate="2026-06-17")
    world.payment(account, "100.00", {invoice: "100.00"}, pair=pair)
    world.both()
    assert [error["error_code"] for error in world.errors()] == ["possible_duplicate"]


@pytest.mark.rule("9.d", "8.3.f")
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("how", ["another invoice", "another amount", "another account"])
def test_a_payment_that_is_corrected_in_the_lms_ends_the_question(world: World, how: str, order: str) -> None:
    invoice, payment, made = both_payments(world, order)
    the_one_question(world, payment, made)
    account = world.lms_invoice(invoice)["billing_account_id"]
    if how == "another invoice":
        world.apply("payment", payment, {world.simple_invoice(account): "100.00"})
    elif how == "another amount":
        world.apply("payment", payment, {})
        world.sql("update lms.payment set amount = 60 where id = %s", payment)
    else:
        other = world.account()
        theirs = world.simple_invoice(other)
        world.both()
        world.apply("payment", payment, {theirs: "100.00"})
        world.sql("update lms.payment set billing_account_id = %s where id = %s", other, payment)
    world.both()
    assert world.errors() == []
    assert len(world.qbo.all("Payment")) == world.value("select count(*) from lms.payment") == 2
    quiet(world)


@pytest.mark.rule("9.d", "8.3.f")
@pytest.mark.parametrize("how", ["deleted", "less", "another customer"])
@pytest.mark.parametrize("order", ORDERS)
def test_a_payment_that_is_changed_in_quickbooks_ends_the_question(world: World, how: str, order: str) -> None:
    invoice, payment, made = both_payments(world, order)
    the_one_question(world, payment, made)
    if how == "deleted":
        remove(world, made, "Payment")
    elif how == "less":
        change(world, made, TotalAmt=Decimal(30), Line=[])
    else:
        _, stranger = linked_account(world, "Hilltop Dental")
        change(world, made, CustomerRef={"value": stranger}, Line=[])
    world.poll()
    world.poll()
    assert world.errors() == []
    assert qbo_payment(world, payment)["TotalAmt"] == 100
    assert world.lms_invoice(invoice)["balance"] == world.qbo_invoice(invoice)["Balance"] == 0
    quiet(world)


@pytest.mark.rule("9.d")
@pytest.mark.parametrize("how", ["deleted", "voided"])
@pytest.mark.parametrize("order", ORDERS)
def test_linked_to_what_quickbooks_has_no_more_the_lms_keeps_its_payment(world: World, how: str, order: str) -> None:
    """The bookkeeper takes it back a moment before somebody chooses Link."""
    invoice, payment, made = both_payments(world, order)
    error = the_one_question(world, payment, made)
    (remove if how == "deleted" else void)(world, made, "Payment")
    link_there(world, error)
    world.both()
    assert world.value("select amount from lms.payment where id = %s", payment) == 100
    assert qbo_payment(world, payment)["TotalAmt"] == 100
    assert world.lms_invoice(invoice)["balance"] == world.qbo_invoice(invoice)["Balance"] == 0
    assert world.errors() == []
    quiet(world)


@pytest.mark.rule("9.d")
@pytest.mark.parametrize("order", ["at once", "a minute later"])
def test_of_two_in_the_lms_one_is_linked_and_the_other_finds_nothing_open(world: World, order: str) -> None:
    account, invoice, customer = invoiced(world)
    received(world, customer, "100.00", pays(world.qbo_invoice(invoice), "100.00"), TxnDate="2026-06-17")
    if order == "a minute later":
        world.both()
    first, second = (world.payment(account, "100.00", {invoice: "100.00"}) for _ in range(2))
    world.both()
    link_there(world, next(error for error in world.errors() if error["lms_id"] == first))
    world.both()
    assert [(error["error_code"], error["lms_id"]) for error in world.errors()] == [("qbo_6000", second)]


# ---------------------------------------------------------------------------------- more applied than is open


@pytest.mark.rule("8.3.a")
@pytest.mark.parametrize("known", [True, False], ids=["known before sending", "refused"])
def test_who_has_paid_the_invoice_is_said_when_nothing_is_left_of_it(world: World, known: bool) -> None:
    account, invoice, customer = invoiced(world)
    received(world, customer, "50.00", pays(world.qbo_invoice(invoice), "50.00"), TxnDate="2026-06-20")
    if known:
        world.both()
    world.qbo.control("POST", "stats/reset")
    world.payment(account, "150.00", {invoice: "100.00"})
    world.sync()
    assert world.qbo.writes() == (0 if known else 1)
    [error] = world.errors()
    number = world.lms_invoice(invoice)["invoice_number"]
    assert error["error_code"] == "qbo_6000"
    assert error["message"] == (
        f"The payment of $150.00 dated 06/15/2026 applies $100.00 to invoice {number}, but only $50.00 of it is open "
        "in QuickBooks: it was paid by the payment of $50.00 dated 06/20/2026."
    )


@pytest.mark.rule("8.3.a")
def test_a_credit_memo_that_has_settled_the_invoice_is_named(world: World) -> None:
    """The bookkeeper gives a credit, lab staff enter a payment for the same invoice."""
    account, invoice, customer = invoiced(world)
    bill = world.qbo_invoice(invoice)
    memo = world.qbo.create(
        "CreditMemo", CustomerRef={"value": customer}, TxnDate="2026-06-20", Line=[sale(Decimal("100.00"))]
    )
    received(world, customer, "0.00", pays(bill, "100.00"), pays(memo, "100.00", "CreditMemo"))
    payment = world.payment(account, "100.00", {invoice: "100.00"})
    world.both()
    [error] = world.errors()
    assert (error["error_code"], error["lms_id"]) == ("qbo_6000", payment)
    assert (
        "it has no open balance in QuickBooks: it was settled by the credit memo of $100.00 dated 06/20/2026"
        in (error["message"])
    )


@pytest.mark.rule("8.3.a")
def test_a_credit_for_more_than_is_open_says_so_too(world: World) -> None:
    account, invoice, customer = invoiced(world)
    received(world, customer, "80.00", pays(world.qbo_invoice(invoice), "80.00"), TxnDate="2026-06-20")
    world.credit(account, "30.00", {invoice: "30.00"})
    world.both()
    [error] = world.errors()
    number = world.lms_invoice(invoice)["invoice_number"]
    assert f"applies $30.00 to invoice {number}, but only $20.00 of it is open in QuickBooks" in error["message"]
    assert "the payment of $80.00 dated 06/20/2026" in error["message"]


def test_a_credit_memo_that_the_bookkeeper_has_used_says_how_much_is_left(world: World) -> None:
    account, invoice, customer = invoiced(world)
    theirs = in_quickbooks(world, customer)
    credit = world.credit(account, "30.00")
    world.both()
    assert of_qbo(world, theirs)
    link = world.link("credit", credit)
    assert link
    memo = {"Id": link["qbo_id"]}
    received(world, customer, "0.00", pays(theirs, "25.00"), pays(memo, "25.00", "CreditMemo"))
    world.apply("credit", credit, {invoice: "30.00"})
    world.both()
    [error] = world.errors()
    assert "but only $5.00 of it is left in QuickBooks" in error["message"]


def test_of_two_like_payments_in_the_lms_each_is_asked_about(world: World) -> None:
    """And one in QuickBooks: it may be either, so neither is sent."""
    account, customer = linked_account(world)
    invoice = world.simple_invoice(account)
    world.both()
    assert customer == customer_of(world, account)
    received(world, customer, "100.00", pays(world.qbo_invoice(invoice), "100.00"), TxnDate="2026-06-17")
    world.both()
    for _ in range(2):
        world.payment(account, "100.00", {invoice: "100.00"})
    world.both()
    assert [error["error_code"] for error in world.errors()] == ["possible_duplicate"] * 2
    assert len(world.qbo.all("Payment")) == 1


@pytest.mark.rule("9.d")
def test_a_payment_kept_beside_one_of_quickbooks_may_still_be_the_same_as_another(world: World) -> None:
    account, _, customer = invoiced(world)
    case = world.case(world.pair(account), [{"product": world.product("Bridge", "200.00"), "price": "200.00"}])
    invoice = world.invoice(case)
    world.both()
    made = {
        received(world, customer, "100.00", pays(world.qbo_invoice(invoice), "100.00"), TxnDate="2026-06-17")["Id"]
        for _ in range(2)
    }
    payment = world.payment(account, "100.00", {invoice: "100.00"})
    world.both()
    asked = []
    for _ in range(2):
        [error] = world.errors()
        assert (error["error_code"], error["lms_id"]) == ("possible_duplicate", payment)
        asked.append(error["detail"]["qbo_payment_id"])
        keep_both(world, error)
        world.both()
    assert set(asked) == made
