"""The bookkeeper's side against the sandbox: what is made is there once, however often."""

from decimal import Decimal
from uuid import uuid4

import psycopg
import pytest

from include.demo.bookkeeper import CompanySetup
from include.demo.catalogue import Product
from include.demo.loader import Loader
from include.demo.quickbooks import QuickBooks, QuickBooksError, amount
from include.demo.records import Account, Bookkeeper, Case, Changes, Line, Pair

WORK = Bookkeeper(
    customers=('Zoë\'s "Smile" Studio',),
    vendors=("Zahn Supply",),
    employees=("María Peña",),
    items=("Crown",),
    inactive_customers=("Oak Street",),
    inactive_items=("Old item",),
    taken_numbers=(("2024-0815", "Walk-in"),),
    entered_invoices=("LD-1",),
)


@pytest.fixture
def quickbooks(sandbox_url: str) -> QuickBooks:
    company = QuickBooks(sandbox_url, str(uuid4().int)[:16], "Demo company")
    company.open()
    return company


def load_one_case(db: psycopg.Connection) -> None:
    loader = Loader(db)
    loader.labs(["Lab"])
    crown = Product("Crown", None, Decimal("99.99"))
    line = Line("Crown", Decimal(3), crown.unit_price)
    loader.apply(
        Changes(
            accounts=(Account(WORK.customers[0], "combined", ("Lab",)),),
            pairs=(Pair(WORK.customers[0], "Dr. A", "North", "Dr. A – North"),),
            products=(crown,),
            cases=(Case("LD-1", "Lab", "Dr. A – North", (line,)),),
        )
    )
    db.execute("select lms.invoice_case(id, '2026-02-03') from lms.lab_case")


def test_prepares_once_however_often(quickbooks: QuickBooks, lms_database: str) -> None:
    setup = CompanySetup(quickbooks)
    with psycopg.connect(lms_database) as db:
        load_one_case(db)
        for _ in range(2):
            setup.settle()
            setup.prepare(WORK, db)
    everybody = "WHERE Active IN (true, false)"
    customers = {record["DisplayName"]: record["Active"] for record in quickbooks.all("Customer", everybody)}
    assert customers == {WORK.customers[0]: True, "Walk-in": True, "Oak Street (deleted)": False}
    items = {record["Name"]: record["Active"] for record in quickbooks.all("Item", everybody)}
    assert items == {"Services": True, "Hours": True, "Crown": True, "Old item (deleted)": False}
    assert [record["DisplayName"] for record in quickbooks.all("Vendor")] == ["Zahn Supply"]
    assert [record["DisplayName"] for record in quickbooks.all("Employee")] == ["María Peña"]
    invoices = {record["DocNumber"]: record for record in quickbooks.all("Invoice")}
    assert len(invoices) == 2
    entered = invoices.pop("INV-100001")
    assert str(amount(entered)) == "299.97"
    assert entered["TxnDate"] == "2026-02-03"
    assert set(invoices) == {"2024-0815"}


def test_opening_twice_is_the_same_company(quickbooks: QuickBooks) -> None:
    quickbooks.save("Customer", {"DisplayName": "Still there"})
    again = QuickBooks(quickbooks.base_url, quickbooks.realm_id, "Another name")
    again.open()
    assert again.named("Customer", "Still there")


def test_an_expired_token_is_renewed(quickbooks: QuickBooks) -> None:
    quickbooks.token = "expired"
    assert quickbooks.all("Customer") == []


def test_a_fault_is_told(quickbooks: QuickBooks) -> None:
    with pytest.raises(QuickBooksError, match="6240"):
        for _ in range(2):
            quickbooks.save("Customer", {"DisplayName": "Twice"})
