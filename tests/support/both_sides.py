"""Records that both sides know: how a test comes by them, and one side's record of the other's."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.support.bookkeeper import in_quickbooks
from tests.support.quickbooks import Json
from tests.support.world import World


@dataclass(frozen=True)
class Known:
    """A lab of which QuickBooks knows a customer and an item: what is invoiced now goes there at once."""

    world: World
    account: int
    pair: int
    product: int

    def invoice(self, **more: Any) -> int:
        """Another invoice over $100."""
        return self.world.invoice(self.world.case(self.pair, [{"product": self.product}]), **more)


def linked_account(world: World, name: str = "Lakeside Dental") -> tuple[int, str]:
    """An account that QuickBooks knows, and its customer there."""
    account = world.account(name)
    world.simple_invoice(account)
    world.both()
    return account, customer_of(world, account)


def number_taken(world: World) -> tuple[int, Json]:
    """An invoice of the LMS, and the one of an ignored customer that has its number in QuickBooks already."""
    stranger = world.qbo.create("Customer", DisplayName="Walk-in")
    world.sql(
        "insert into qbo_sync.ignored_customer (realm_id, qbo_id, name, reason, user_name)"
        " values (%s, %s, 'Walk-in', 'retail', 'ann')",
        world.qbo.realm,
        stranger["Id"],
    )
    invoice = world.simple_invoice()
    holder = in_quickbooks(world, stranger["Id"], DocNumber=world.lms_invoice(invoice)["invoice_number"])
    return invoice, holder


def invoiced(world: World) -> tuple[int, int, str]:
    """An account with an invoice over $100 that both sides know: account, invoice, customer."""
    account = world.account()
    invoice = world.simple_invoice(account)
    world.both()
    return account, invoice, customer_of(world, account)


def known(world: World) -> tuple[int, int]:
    """A pair and a product that QuickBooks has."""
    pair, product = world.pair(world.account()), world.product()
    world.invoice(world.case(pair, [{"product": product}]))
    world.sync()
    return pair, product


def many_invoices(world: World, count: int) -> list[int]:
    """Invoices of one customer, of which QuickBooks has the first."""
    pair, product = world.pair(world.account()), world.product()
    first = world.invoice(world.case(pair, [{"product": product}]))
    world.sync()
    return [first, *(world.invoice(world.case(pair, [{"product": product}])) for _ in range(count - 1))]


def customer_of(world: World, account: int) -> str:
    """The QuickBooks customer of an account, which an invoice of the LMS has made."""
    link = world.link("billing_account", account)
    assert link
    return link["qbo_id"]


def of_qbo(world: World, made: Json) -> Json:
    """The LMS invoice of a QuickBooks invoice."""
    rows = world.sql(
        "select i.* from lms.invoice i join qbo_sync.entity_link l on l.lms_id = i.id and l.entity = 'invoice'"
        " where l.qbo_id = %s",
        made["Id"],
    )
    assert len(rows) == 1, f"{made['Id']} is linked {len(rows)} times; errors: {world.errors()}"
    return rows[0]


def lines_of(world: World, invoice: int) -> list[Json]:
    """The lines of an LMS invoice, in their order."""
    return world.sql("select * from lms.invoice_line_item where invoice_id = %s order by position", invoice)


def of_payment(world: World, made: Json) -> Json:
    """The LMS payment of a QuickBooks payment, with its applications."""
    rows = world.sql(
        "select p.* from lms.payment p join qbo_sync.entity_link l on l.lms_id = p.id and l.entity = 'payment'"
        " where l.qbo_id = %s",
        made["Id"],
    )
    assert len(rows) == 1, f"linked {len(rows)} times; errors: {world.errors()}"
    applied = world.sql("select invoice_id, amount from lms.payment_application where payment_id = %s", rows[0]["id"])
    return {**rows[0], "applied": {row["invoice_id"]: row["amount"] for row in applied}}


def qbo_payment(world: World, payment: int) -> Json:
    """The QuickBooks payment of an LMS payment."""
    link = world.link("payment", payment)
    assert link, world.errors()
    return world.qbo.call(f"payment/{link['qbo_id']}")["Payment"]


def applied(record: Json) -> dict[str, Decimal]:
    """What a QuickBooks payment pays: the id of the transaction → the amount."""
    return {line["LinkedTxn"][0]["TxnId"]: line["Amount"] for line in record["Line"]}


def memo_of(world: World, credit: int) -> Json:
    """The credit memo of an LMS credit."""
    link = world.link("credit", credit)
    assert link, world.errors()
    return world.qbo.call(f"creditmemo/{link['qbo_id']}")["CreditMemo"]


def quiet(world: World) -> None:
    """Nothing is left to do, on either side, and nothing is written."""
    world.qbo.control("POST", "stats/reset")
    world.both()
    assert world.qbo.writes() == 0
    assert world.capture()["marked"] == 0


def assert_each_once(world: World, invoices: list[int]) -> None:
    """QuickBooks has each invoice exactly once, each is linked, and no write is unfinished."""
    numbers = sorted(invoice["DocNumber"] for invoice in world.qbo.all("Invoice"))
    assert numbers == sorted(world.lms_invoice(invoice)["invoice_number"] for invoice in invoices)
    assert world.value("select count(*) from qbo_sync.entity_link where entity = 'invoice'") == len(invoices)
    assert world.value("select count(*) from qbo_sync.write_intent") == 0
    assert world.value("select count(*) from qbo_sync.write_request") == 0
    assert world.errors() == []
