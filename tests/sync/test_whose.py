"""Whose a transaction is, on both sides (rule 9): accounts A and B, both linked, an invoice of $100 of each."""

from dataclasses import dataclass
from decimal import Decimal

import pytest

from include.qbo.errors import OutcomeUnknown
from tests.support.bookkeeper import change, fresh, in_quickbooks, pays, received
from tests.support.both_sides import memo_of, of_qbo, qbo_payment, quiet
from tests.support.quickbooks import Json
from tests.support.world import World


@dataclass
class Side:
    """An account, or a pair of a detailed account, with its customer and its invoice in QuickBooks."""

    account: int
    pair: int
    #: The pair that its payments and credits name.
    named: int | None
    customer: str
    invoice: int


@dataclass
class Two:
    """The world with A and B."""

    world: World
    a: Side
    b: Side

    def bill(self, side: Side) -> Json:
        """Its invoice in QuickBooks."""
        return self.world.qbo_invoice(side.invoice)

    def move(self, table: str, record: int, to: Side) -> None:
        """The LMS gives a payment, credit or invoice to another account or pair."""
        self.world.sql(
            f"update lms.{table} set billing_account_id = %s, doctor_office_id = %s where id = %s",
            to.account,
            to.pair if table == "invoice" else to.named,
            record,
        )

    def balances(self) -> list[Decimal]:
        """Of both customers in QuickBooks: what is open of their invoices, less what is not applied."""
        return [self.world.qbo.call(f"customer/{side.customer}")["Customer"]["Balance"] for side in (self.a, self.b)]


@pytest.fixture(params=["accounts", "pairs"])
def two(world: World, request: pytest.FixtureRequest) -> Two:
    """A and B are two combined accounts, or two pairs of one detailed account."""
    if request.param == "accounts":
        accounts = [world.account("Lakeside Dental"), world.account("Hilltop Dental")]
        pairs = [world.pair(account) for account in accounts]
        entity, keys = "billing_account", accounts
        named: list[int | None] = [None, None]
    else:
        account = world.account("Lakeside Dental", "detailed")
        accounts = [account, account]
        pairs = [world.pair(account, "Dr. Ames"), world.pair(account, "Dr. Boyd")]
        entity, keys, named = "doctor_office", pairs, [*pairs]
    invoices = [world.simple_invoice(pair=pair) for pair in pairs]
    world.both()
    sides = []
    for number in range(2):
        link = world.link(entity, keys[number])
        assert link
        sides.append(
            Side(
                account=accounts[number],
                pair=pairs[number],
                named=named[number],
                customer=link["qbo_id"],
                invoice=invoices[number],
            )
        )
    return Two(world, *sides)


def owner_of(world: World, table: str, record: int) -> tuple[int, int | None]:
    [row] = world.sql(f"select billing_account_id, doctor_office_id from lms.{table} where id = %s", record)
    return row["billing_account_id"], row["doctor_office_id"]


# ---------------------------------------------------------------------------------- changed in the LMS


@pytest.mark.cell("payment", "lms", "update")
@pytest.mark.rule("9.a")
def test_a_payment_that_the_lms_gives_to_another_customer_moves_there(two: Two) -> None:
    world, a, b = two.world, two.a, two.b
    payment = world.payment(a.account, "70.00", pair=a.named)
    world.both()
    before = qbo_payment(world, payment)
    two.move("payment", payment, b)
    world.both()
    after = qbo_payment(world, payment)
    assert (after["Id"], after["CustomerRef"]["value"]) == (before["Id"], b.customer)
    assert two.balances() == [100, 30]
    world.apply("payment", payment, {b.invoice: "70.00"})
    world.both()
    assert two.bill(b)["Balance"] == world.lms_invoice(b.invoice)["balance"] == 30
    assert world.errors() == []
    quiet(world)


@pytest.mark.cell("credit", "lms", "update")
@pytest.mark.rule("9.a")
def test_a_credit_that_the_lms_gives_to_another_customer_moves_there(two: Two) -> None:
    world, a, b = two.world, two.a, two.b
    credit = world.credit(a.account, "20.00", pair=a.named)
    world.both()
    before = memo_of(world, credit)
    two.move("credit", credit, b)
    world.both()
    after = memo_of(world, credit)
    assert (after["Id"], after["CustomerRef"]["value"]) == (before["Id"], b.customer)
    assert two.balances() == [100, 80]
    world.apply("credit", credit, {b.invoice: "20.00"})
    world.both()
    assert two.bill(b)["Balance"] == world.lms_invoice(b.invoice)["balance"] == 80
    assert world.errors() == []
    quiet(world)


@pytest.mark.rule("9.a")
def test_payment_and_credit_of_the_issue_end_with_10_open(two: Two) -> None:
    """A's payment of 70 and credit of 20 go to B, and both are applied to B's invoice."""
    world, a, b = two.world, two.a, two.b
    payment = world.payment(a.account, "70.00", pair=a.named)
    credit = world.credit(a.account, "20.00", pair=a.named)
    world.both()
    two.move("payment", payment, b)
    two.move("credit", credit, b)
    world.both()
    assert two.balances() == [100, 10]
    world.apply("payment", payment, {b.invoice: "70.00"})
    world.apply("credit", credit, {b.invoice: "20.00"})
    world.both()
    assert two.bill(b)["Balance"] == world.lms_invoice(b.invoice)["balance"] == 10
    assert two.balances() == [100, 10]
    assert world.errors() == []
    quiet(world)


@pytest.mark.rule("9.a")
@pytest.mark.parametrize("table", ["payment", "credit"])
def test_what_is_applied_moves_with_what_it_is_applied_to_then(two: Two, table: str) -> None:
    """Off A's invoice and onto B's in one change: the customer moves, and so does the money."""
    world, a, b = two.world, two.a, two.b
    make = world.payment if table == "payment" else world.credit
    record = make(a.account, "30.00", {a.invoice: "30.00"}, pair=a.named)
    world.both()
    two.move(table, record, b)
    world.apply(table, record, {b.invoice: "25.00"})
    world.both()
    found = qbo_payment(world, record) if table == "payment" else memo_of(world, record)
    assert found["CustomerRef"]["value"] == b.customer
    assert [two.bill(side)["Balance"] for side in (a, b)] == [100, 75]
    assert [world.lms_invoice(side.invoice)["balance"] for side in (a, b)] == [100, 75]
    assert world.errors() == []
    quiet(world)


@pytest.mark.rule("9.a", "7.e")
@pytest.mark.parametrize("table", ["payment", "credit"])
def test_an_application_that_cannot_go_along_is_named_with_both_customers(two: Two, table: str) -> None:
    """The money moves; what it still pays is another customer's invoice, and the error says whose."""
    world, a, b = two.world, two.a, two.b
    make = world.payment if table == "payment" else world.credit
    record = make(a.account, "30.00", {a.invoice: "30.00"}, pair=a.named)
    world.both()
    two.move(table, record, b)
    world.both()
    [error] = world.errors()
    names = [world.qbo.call(f"customer/{side.customer}")["Customer"]["DisplayName"] for side in (a, b)]
    assert error["error_code"] == "qbo_620"
    assert all(name in error["message"] for name in names), error["message"]
    found = qbo_payment(world, record) if table == "payment" else memo_of(world, record)
    assert found["CustomerRef"]["value"] == b.customer
    assert two.balances() == [100, 70]
    world.apply(table, record, {b.invoice: "30.00"})
    world.both()
    assert world.errors() == []
    assert [two.bill(side)["Balance"] for side in (a, b)] == [100, 70]
    quiet(world)


@pytest.mark.rule("2.d", "9.a")
def test_a_new_structure_moves_nothing_that_is_booked(world: World) -> None:
    """Payment and credit of a pair, booked on the main customer, stay there when the account becomes detailed."""
    account = world.account()
    pair = world.pair(account)
    invoice = world.simple_invoice(pair=pair)
    payment = world.payment(account, "30.00", {invoice: "10.00"}, pair=pair)
    credit = world.credit(account, "20.00", {invoice: "5.00"}, pair=pair)
    world.both()
    customer = qbo_payment(world, payment)["CustomerRef"]["value"]
    world.sql("update lms.billing_account set accounting_structure = 'detailed' where id = %s", account)
    world.sql("update lms.payment set amount = 31 where id = %s", payment)
    world.apply("credit", credit, {invoice: "6.00"})
    world.both()
    after, memo = qbo_payment(world, payment), memo_of(world, credit)
    assert (after["TotalAmt"], after["CustomerRef"]["value"]) == (31, customer)
    assert (memo["RemainingCredit"], memo["CustomerRef"]["value"]) == (14, customer)
    assert world.errors() == []
    quiet(world)


@pytest.mark.rule("9.c")
def test_an_invoice_that_the_lms_gives_to_another_customer_stays_in_quickbooks_and_is_reported(two: Two) -> None:
    world, a, b = two.world, two.a, two.b
    two.move("invoice", a.invoice, b)
    world.both()
    [error] = world.errors()
    assert error["error_code"] == "customer_changed"
    assert two.bill(a)["CustomerRef"]["value"] == a.customer
    two.move("invoice", a.invoice, a)
    world.both()
    assert world.errors() == []
    quiet(world)


@pytest.mark.rule("9.c")
def test_so_is_one_that_the_lms_gives_away_while_it_is_on_its_way(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the LMS's change is dispatched nobody knows yet that QuickBooks has the invoice."""
    monkeypatch.setattr("include.qbo.client.ATTEMPTS", 1)
    world, a, b = two.world, two.a, two.b
    invoice = world.simple_invoice(pair=a.pair)
    world.run("product_lms_to_qbo")
    world.qbo.control("POST", "faults", {"kind": "drop_connection", "operation": "create", "times": 1})
    with pytest.raises(OutcomeUnknown):
        world.run("invoice_lms_to_qbo")
    two.move("invoice", invoice, b)
    world.run("payment_lms_to_qbo")
    assert world.link("invoice", invoice) is None
    world.both()
    assert world.qbo_invoice(invoice)["CustomerRef"]["value"] == a.customer
    [error] = world.errors()
    assert (error["error_code"], error["lms_id"]) == ("customer_changed", invoice)
    two.move("invoice", invoice, a)
    world.both()
    assert world.errors() == []
    quiet(world)


@pytest.mark.rule("9.c")
def test_so_is_an_invoice_of_quickbooks_own_that_named_a_pair_of_its_account(two: Two) -> None:
    """What was agreed on of whose it is stays agreed on while QuickBooks says the same, and hides nothing."""
    world, made = two.world, in_quickbooks(two.world, two.a.customer)
    world.both()
    invoice = of_qbo(world, made)["id"]
    two.move("invoice", invoice, two.a)
    world.both()
    two.move("invoice", invoice, two.b)
    world.both()
    assert [error["error_code"] for error in world.errors()] == ["customer_changed"]
    two.move("invoice", invoice, two.a)
    world.both()
    assert world.errors() == []


@pytest.mark.rule("9.c")
@pytest.mark.setting("direction")
def test_it_is_reported_where_nothing_comes_from_quickbooks_too(two: Two) -> None:
    world, a, b = two.world, two.a, two.b
    world.sql("update qbo_sync.connection set direction = 'lms_to_qbo'")
    two.move("invoice", a.invoice, b)
    world.both()
    assert [error["error_code"] for error in world.errors()] == ["customer_changed"]
    two.move("invoice", a.invoice, a)
    world.both()
    assert world.errors() == []


# ---------------------------------------------------------------------------------- changed in QuickBooks


@pytest.mark.cell("payment", "qbo", "update")
@pytest.mark.rule("9.b")
@pytest.mark.parametrize("origin", ["lms", "qbo"])
def test_a_payment_that_the_bookkeeper_gives_to_another_customer_moves_in_the_lms(two: Two, origin: str) -> None:
    world, a, b = two.world, two.a, two.b
    if origin == "lms":
        payment = world.payment(a.account, "30.00", pair=a.named)
        world.both()
        made = qbo_payment(world, payment)
    else:
        made = received(world, a.customer, "30.00")
        world.both()
        payment = world.value("select id from lms.payment")
    change(world, made, CustomerRef={"value": b.customer}, Line=[pays(two.bill(b), "30.00")])
    world.both()
    assert owner_of(world, "payment", payment) == (b.account, b.named)
    assert world.lms_invoice(b.invoice)["balance"] == 70
    assert world.errors() == []
    quiet(world)


@pytest.mark.rule("9.b")
def test_a_payment_that_goes_to_a_customer_nobody_knows_stays_until_that_is_linked(two: Two) -> None:
    world, a = two.world, two.a
    payment = world.payment(a.account, "30.00", pair=a.named)
    world.both()
    stranger = world.qbo.create("Customer", DisplayName="Walk-in Repairs")["Id"]
    change(world, qbo_payment(world, payment), CustomerRef={"value": stranger})
    world.both()
    [error] = world.errors()
    assert error["error_code"] == "customer_not_linked"
    assert error["detail"]["customer_name"] == "Walk-in Repairs"
    assert owner_of(world, "payment", payment) == (a.account, a.named)
    newcomer = world.account()
    world.sql(
        "insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id) values (%s, 'billing_account', %s, %s)",
        world.qbo.realm,
        newcomer,
        stranger,
    )
    world.both()
    assert world.errors() == []
    assert owner_of(world, "payment", payment) == (newcomer, None)
    quiet(world)


@pytest.mark.rule("9.b")
@pytest.mark.parametrize("what", ["amount", "applied"])
def test_what_the_lms_changes_meanwhile_is_sent_once_the_payment_is_back(two: Two, what: str) -> None:
    world, a = two.world, two.a
    payment = world.payment(a.account, "70.00", pair=a.named)
    world.both()
    stranger = world.qbo.create("Customer", DisplayName="Walk-in Repairs")["Id"]
    change(world, qbo_payment(world, payment), CustomerRef={"value": stranger})
    world.both()
    if what == "amount":
        world.sql("update lms.payment set amount = 50 where id = %s", payment)
    else:
        world.apply("payment", payment, {a.invoice: "70.00"})
    world.both()
    assert [error["error_code"] for error in world.errors()] == ["customer_not_linked"]
    change(world, qbo_payment(world, payment), CustomerRef={"value": a.customer})
    world.both()
    assert world.errors() == []
    there = qbo_payment(world, payment)
    assert (there["TotalAmt"], there["UnappliedAmt"]) == ((50, 50) if what == "amount" else (70, 0))
    assert world.lms_invoice(a.invoice)["balance"] == two.bill(a)["Balance"]
    quiet(world)


@pytest.mark.rule("8.4.b", "9.b")
def test_moved_on_both_sides_quickbooks_wins(two: Two) -> None:
    world, a, b = two.world, two.a, two.b
    third = world.account()
    world.simple_invoice(third)
    payment = world.payment(a.account, "30.00", pair=a.named)
    world.both()
    change(world, qbo_payment(world, payment), CustomerRef={"value": b.customer})
    world.sql("update lms.payment set billing_account_id = %s, doctor_office_id = null where id = %s", third, payment)
    world.fetch()
    world.both()
    assert owner_of(world, "payment", payment) == (b.account, b.named)
    assert qbo_payment(world, payment)["CustomerRef"]["value"] == b.customer
    assert [error["error_code"] for error in world.errors()] == ["conflict_qbo_kept"]


@pytest.mark.rule("9.c")
@pytest.mark.parametrize("known", [True, False], ids=["a customer of Pilot's", "a customer nobody knows"])
def test_an_invoice_of_a_case_that_the_bookkeeper_gives_away_is_reported_until_it_is_back(
    two: Two, known: bool
) -> None:
    world, a, b = two.world, two.a, two.b
    target = b.customer if known else world.qbo.create("Customer", DisplayName="Walk-in Repairs")["Id"]
    world.qbo.update("Invoice", two.bill(a), CustomerRef={"value": target})
    world.both()
    [error] = world.errors()
    names = [world.qbo.call(f"customer/{one}")["Customer"]["DisplayName"] for one in (a.customer, target)]
    assert error["error_code"] == "customer_changed"
    assert all(name in error["message"] for name in names), error["message"]
    assert owner_of(world, "invoice", a.invoice)[0] == a.account
    world.qbo.update("Invoice", two.bill(a), CustomerRef={"value": a.customer})
    world.both()
    assert world.errors() == []
    quiet(world)


@pytest.mark.rule("9.c")
def test_the_lms_may_follow_the_bookkeeper_instead(two: Two) -> None:
    world, a, b = two.world, two.a, two.b
    world.qbo.update("Invoice", two.bill(a), CustomerRef={"value": b.customer})
    world.both()
    assert [error["error_code"] for error in world.errors()] == ["customer_changed"]
    two.move("invoice", a.invoice, b)
    world.both()
    assert world.errors() == []
    payment = world.payment(b.account, "100.00", {a.invoice: "100.00"}, pair=b.named)
    world.both()
    assert two.bill(a)["Balance"] == world.lms_invoice(a.invoice)["balance"] == 0
    assert qbo_payment(world, payment)["CustomerRef"]["value"] == b.customer
    assert world.errors() == []
    quiet(world)


@pytest.mark.rule("9.c")
def test_amounts_of_an_invoice_that_was_given_away_follow_all_the_same(two: Two) -> None:
    world, a, b = two.world, two.a, two.b
    line = {**two.bill(a)["Line"][0], "Amount": 120}
    line["SalesItemLineDetail"] = {**line["SalesItemLineDetail"], "UnitPrice": 120}
    world.qbo.update("Invoice", two.bill(a), CustomerRef={"value": b.customer}, Line=[line])
    world.both()
    assert world.lms_invoice(a.invoice)["total_amount"] == 120
    assert [error["error_code"] for error in world.errors()] == ["customer_changed"]


@pytest.mark.cell("invoice", "qbo", "update")
@pytest.mark.rule("9.c")
def test_an_invoice_of_quickbooks_own_follows(two: Two) -> None:
    world, a, b = two.world, two.a, two.b
    made = in_quickbooks(world, a.customer)
    world.both()
    invoice = of_qbo(world, made)["id"]
    world.qbo.update("Invoice", fresh(world, made), CustomerRef={"value": b.customer})
    world.both()
    assert owner_of(world, "invoice", invoice) == (b.account, b.named)
    assert world.errors() == []
    stranger = world.qbo.create("Customer", DisplayName="Walk-in Repairs")["Id"]
    world.qbo.update("Invoice", fresh(world, made), CustomerRef={"value": stranger})
    world.both()
    assert owner_of(world, "invoice", invoice) == (b.account, b.named)
    assert [error["error_code"] for error in world.errors()] == ["customer_not_linked"]
    world.qbo.update("Invoice", fresh(world, made), CustomerRef={"value": a.customer})
    world.both()
    assert owner_of(world, "invoice", invoice) == (a.account, a.named)
    assert world.errors() == []
    quiet(world)


@pytest.mark.rule("9.c")
def test_a_credit_memo_of_ours_that_the_bookkeeper_gives_away_is_reported_until_it_is_back(two: Two) -> None:
    world, a, b = two.world, two.a, two.b
    credit = world.credit(a.account, "20.00", pair=a.named)
    world.both()
    world.qbo.update("CreditMemo", memo_of(world, credit), CustomerRef={"value": b.customer})
    world.both()
    [error] = world.errors()
    assert (error["entity"], error["error_code"]) == ("credit", "customer_changed")
    world.qbo.update("CreditMemo", memo_of(world, credit), CustomerRef={"value": a.customer})
    world.both()
    assert world.errors() == []
    quiet(world)
