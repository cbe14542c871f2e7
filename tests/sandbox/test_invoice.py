"""Invoice arithmetic, numbers, lines, updates (facts 9.4, 9.7)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.sandbox.books import Body, Books, discount, sale, shipping, token_of
from tests.support.sandbox.harness import Sandbox

CENT = Decimal("0.01")


def half_up(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


@pytest.fixture(scope="module")
def shared(sandbox: Sandbox) -> Books:
    books = Books(sandbox, "Arithmetic")
    books.customer("A")
    books.switches(duplicate_number_warning=False)
    return books


def form(*lines: Body, **more: Any) -> Body:
    return {"CustomerRef": {"value": "1"}, "Line": list(lines), **more}


prices = st.decimals("0.01", "9999", places=4)
quantities = st.decimals("0.001", "99", places=3)
money = st.decimals("0", "500", places=2)


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(st.tuples(quantities, prices, st.booleans()), min_size=1, max_size=5),
    percent=st.none() | st.decimals("0", "100", places=2),
    share=st.decimals("0", "1", places=2),
    freight=money,
    tax=money,
)
def test_arithmetic(
    shared: Books,
    lines: list[tuple[Decimal, Decimal, bool]],
    percent: Decimal | None,
    share: Decimal,
    freight: Decimal,
    tax: Decimal,
) -> None:
    amounts = [half_up(quantity * price) for quantity, price, _ in lines]
    subtotal = sum(amounts, Decimal(0))
    taken = half_up(subtotal * share)
    sent = [
        sale(str(amount), Qty=str(quantity), UnitPrice=str(price), TaxCodeRef={"value": "TAX" if taxed else "NON"})
        for amount, (quantity, price, taxed) in zip(amounts, lines, strict=True)
    ]
    if percent is not None:
        taken = half_up(subtotal * percent / 100)
        sent.append(discount(DiscountPercent=str(percent), PercentBased=True))
    elif taken:
        sent.append(discount(str(taken)))
    if freight:
        sent.append(shipping(str(freight)))
    invoice = shared.post("Invoice", form(*sent, TxnTaxDetail={"TotalTax": str(tax)}))
    assert invoice["TotalAmt"] == subtotal - taken + freight + tax
    assert invoice["Balance"] == invoice["TotalAmt"]
    kinds = [line["DetailType"] for line in invoice["Line"]]
    assert kinds[len(lines)] == "SubTotalLineDetail"
    assert invoice["Line"][len(lines)]["Amount"] == subtotal
    assert [line["Id"] for line in invoice["Line"][: len(lines)]] == [str(n + 1) for n in range(len(lines))]
    # An unchanged sparse update, and the lines sent back as they came, keep every figure.
    again = shared.post("Invoice", token_of(invoice) | {"sparse": True, "PrivateNote": "x"})
    echoed = shared.post("Invoice", token_of(again) | {"sparse": True, "Line": _plain(again["Line"])})
    assert echoed["TotalAmt"] == invoice["TotalAmt"]
    assert [line.get("Id") for line in echoed["Line"]] == [line.get("Id") for line in invoice["Line"]]


def _plain(value: Any) -> Any:
    """Decimals as text, so that nothing is lost on the way back."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return {name: _plain(held) for name, held in value.items()}
    return [_plain(held) for held in value] if isinstance(value, list) else value


def test_numbers_are_minimal_json(shared: Books) -> None:
    answer = shared.call("POST", "invoice", form(sale("100.00"), sale("262.07"), discount("0.1")))
    assert '"TotalAmt":361.97' in answer.text
    assert '"Amount":100.0,' in answer.text
    assert '"TotalTax":0}' in answer.text


def test_quantity_times_price_uses_the_precision_sent(shared: Books) -> None:
    assert shared.post("Invoice", form(sale(100, Qty=3, UnitPrice=33.333333)))["TotalAmt"] == 100
    assert shared.fault("Invoice", form(sale(100, Qty=3, UnitPrice=33.33)))["code"] == "6070"
    only_amount = shared.post("Invoice", form(sale(100)))
    assert "Qty" not in only_amount["Line"][0]["SalesItemLineDetail"]
    no_amount = sale(None, Qty=2, UnitPrice=4)
    assert shared.post("Invoice", form(no_amount))["TotalAmt"] == 8


def test_negative_lines_but_no_negative_total(shared: Books) -> None:
    assert shared.post("Invoice", form(sale(100), sale(-30)))["TotalAmt"] == 70
    assert shared.fault("Invoice", form(sale(-1)))["code"] == "6000"


def test_description_lines_and_inline_subtotal(shared: Books) -> None:
    words = {"DetailType": "DescriptionOnly", "Description": "shade A2", "Amount": 99, "DescriptionLineDetail": {}}
    inline = {"DetailType": "DescriptionOnly", "Description": "Subtotal:", "DescriptionLineDetail": {}}
    stale = {"Amount": 1, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}}
    invoice = shared.post("Invoice", form(sale(10), words, sale(5), inline, sale(1), stale))
    assert invoice["TotalAmt"] == 16
    assert invoice["Line"][1]["Description"] == "shade A2" and "Amount" not in invoice["Line"][1]
    assert invoice["Line"][3]["Description"] == "Subtotal: 15.00"


def test_tax_by_code_and_order_of_discount(shared: Books) -> None:
    tax_code = shared.rows("select * from TaxCode where Name = 'California'")[0]["Id"]
    detail = {"TxnTaxDetail": {"TxnTaxCodeRef": {"value": tax_code}}}
    lines = (sale(100, TaxCodeRef={"value": "TAX"}), sale(50), discount(15))
    first = shared.post("Invoice", form(*lines, **detail))
    assert first["TxnTaxDetail"]["TotalTax"] == 8
    line = first["TxnTaxDetail"]["TaxLine"][0]["TaxLineDetail"]
    assert (line["TaxPercent"], line["NetAmountTaxable"]) == (8, 100)
    after = shared.post("Invoice", form(*lines, ApplyTaxAfterDiscount=True, **detail))
    assert after["TxnTaxDetail"]["TotalTax"] == Decimal("7.2")
    assert after["TotalAmt"] == Decimal("142.2")


def test_automated_tax(books: Books) -> None:
    books.customer("A")
    books.preferences(TaxPrefs={"PartnerTaxEnabled": True})
    books.switches(automated_tax_percent=9)
    taxed = sale(100, TaxCodeRef={"value": "TAX"})
    assert books.post("Invoice", form(taxed))["TotalAmt"] == 109
    assert books.post("Invoice", form(taxed, TxnTaxDetail={"TotalTax": 3}))["TotalAmt"] == 103
    assert books.fault("Invoice", form(sale(1), TxnTaxDetail={"TotalTax": 0}))["code"] == "6000"
    books.preferences(TaxPrefs={"UsingSalesTax": False})
    assert books.post("Invoice", form(taxed, TxnTaxDetail={"TotalTax": 3}))["TxnTaxDetail"] == {"TotalTax": 0}


def test_dates_terms_and_copies(books: Books) -> None:
    address = {"Line1": "1 Elm St", "City": "Salem"}
    customer = books.customer(
        "A", SalesTermRef={"value": "4"}, BillAddr=address, PrimaryEmailAddr={"Address": "a@b.com"}
    )
    invoice = books.invoice(customer, TxnDate="2026-02-01")
    assert (invoice["DueDate"], invoice["SalesTermRef"]["name"]) == ("2026-03-03", "Net 30")
    assert invoice["BillAddr"]["City"] == "Salem"
    assert invoice["BillEmail"] == {"Address": "a@b.com"}
    assert (invoice["EmailStatus"], invoice["PrintStatus"]) == ("NotSet", "NeedToPrint")
    assert books.invoice(customer, TxnDate="2026-02-01", DueDate="2026-02-09")["DueDate"] == "2026-02-09"
    assert books.invoice(customer)["TxnDate"] == books.sandbox.control("/clock", method="GET")["now"][:10]


def test_numbers_where_the_company_numbers(books: Books) -> None:
    customer = books.customer("A")
    assert "DocNumber" not in books.invoice(customer)
    assert books.invoice(customer, DocNumber="AUTO_GENERATE")["DocNumber"] == "1001"
    books.preferences(SalesFormsPrefs={"CustomTxnNumbers": False})
    assert books.invoice(customer)["DocNumber"] == "1002"
    assert books.memo(customer)["DocNumber"] == "1003"
    assert books.invoice(customer, DocNumber="1002")["DocNumber"] == "1002"
    assert books.invoice(customer)["DocNumber"] == "1004"


def test_full_update_clears_and_sparse_keeps(books: Books) -> None:
    customer = books.customer("A")
    invoice = books.invoice(customer, 10, PrivateNote="memo", CustomerMemo={"value": "hello"})
    sparse = books.post("Invoice", token_of(invoice) | {"sparse": True, "DueDate": "2027-01-01"})
    assert (sparse["PrivateNote"], sparse["CustomerMemo"]["value"]) == ("memo", "hello")
    cleared = books.post("Invoice", token_of(sparse) | {"sparse": True, "PrivateNote": ""})
    assert "PrivateNote" not in cleared and "CustomerMemo" in cleared
    full = books.post(
        "Invoice", token_of(cleared) | {"CustomerRef": {"value": customer["Id"]}, "Line": [sale(20)], "TotalAmt": 5}
    )
    assert "CustomerMemo" not in full
    assert (full["TotalAmt"], full["SyncToken"]) == (20, "3")


def test_lines_are_replaced_as_a_whole(books: Books) -> None:
    customer = books.customer("A")
    body = {"CustomerRef": {"value": customer["Id"]}, "Line": [sale(1), sale(2), sale(3)]}
    invoice = books.post("Invoice", body)
    kept = sale(2) | {"Id": invoice["Line"][1]["Id"]}
    changed = books.post("Invoice", token_of(invoice) | {"sparse": True, "Line": [kept, sale(9)]})
    assert [line.get("Id") for line in changed["Line"]] == ["2", "4", None]
    assert changed["TotalAmt"] == 11


def test_void(books: Books) -> None:
    customer = books.customer("A")
    invoice = books.post(
        "Invoice",
        {"CustomerRef": {"value": customer["Id"]}, "PrivateNote": "memo", "DocNumber": "V-1",
         "Line": [sale(100, Qty=1, UnitPrice=100), discount(5), shipping(3)]},
    )  # fmt: skip
    voided = books.post("Invoice", token_of(invoice), operation="void")
    assert (voided["TotalAmt"], voided["Balance"], voided["SyncToken"]) == (0, 0, "1")
    assert voided["PrivateNote"].startswith("Voided") and voided["PrivateNote"].endswith("memo")
    assert all(line["Amount"] == 0 for line in voided["Line"])
    assert voided["Line"][0]["SalesItemLineDetail"]["Qty"] == 0
    assert "UnitPrice" not in voided["Line"][0]["SalesItemLineDetail"]
    assert books.query("select count(*) from Invoice") == {"totalCount": 1}
    assert books.get("Customer", customer["Id"])["Balance"] == 0


def test_balances_of_a_family(books: Books) -> None:
    parent = books.customer("A")
    child = books.sub_customer("B", parent)
    assert child["FullyQualifiedName"] == "A:B"
    books.invoice(parent, 10)
    books.invoice(child, 5)
    held = books.get("Customer", parent["Id"])
    assert (held["Balance"], held["BalanceWithJobs"], held["SyncToken"]) == (10, 15, "0")


def test_batch_items_are_blind_to_each_other(books: Books) -> None:
    books.customer("A")
    answers = books.batch(
        {"bId": "c", "operation": "create", "Customer": {"DisplayName": "B"}},
        {"bId": "i", "operation": "create", "Invoice": {"CustomerRef": {"value": "2"}, "Line": [sale(1)]}},
        {"bId": "d", "operation": "create", "Customer": {"DisplayName": "b"}},
        {"bId": "v", "operation": "frobnicate", "Customer": {}},
    )
    assert answers["i"]["Fault"]["Error"][0]["code"] == "2500"
    assert answers["d"]["Fault"]["Error"][0]["code"] == "6240"
    assert answers["v"]["Fault"]["Error"][0]["code"] == "2170"
    invoice = books.invoice({"Id": "2"})
    deleted = books.batch({"bId": "x", "operation": "delete", "Invoice": token_of(invoice)})["x"]
    assert deleted == {"Invoice": {"domain": "QBO", "status": "Deleted", "Id": invoice["Id"]}, "bId": "x"}


def test_batch_is_worked_in_an_order_of_its_own_and_answered_in_that_of_its_items(books: Books) -> None:
    books.switches(batch_order="reverse")
    items = [{"bId": f"b{n}", "operation": "create", "Customer": {"DisplayName": f"Practice {n}"}} for n in range(3)]
    answers = books.call("POST", "batch", {"BatchItemRequest": items}).json()["BatchItemResponse"]
    assert [answer["bId"] for answer in answers] == ["b0", "b1", "b2"]
    assert [answer["Customer"]["DisplayName"] for answer in answers] == ["Practice 0", "Practice 1", "Practice 2"]
    ids = [int(answer["Customer"]["Id"]) for answer in answers]
    assert ids == sorted(ids, reverse=True)


def test_batch_void_of_both_kinds(books: Books) -> None:
    customer = books.customer("A")
    invoice, payment = books.invoice(customer), books.payment(customer, 5)
    answers = books.batch(
        {"bId": "i", "operation": "void", "Invoice": token_of(invoice)},
        {"bId": "p", "operation": "update", "optionsData": "void", "Payment": token_of(payment) | {"sparse": True}},
    )
    assert (answers["i"]["Invoice"]["TotalAmt"], answers["p"]["Payment"]["TotalAmt"]) == (0, 0)


def test_what_was_made_inactive_since_stays(books: Books) -> None:
    customer = books.customer("A")
    item = books.post("Item", {"Name": "Crown", "Type": "Service", "IncomeAccountRef": {"value": "1"}})
    body = {"CustomerRef": {"value": customer["Id"]}, "Line": [sale(0, item["Id"])]}
    invoice = books.post("Invoice", body)
    books.post("Item", token_of(item) | {"sparse": True, "Active": False})
    books.post("Customer", token_of(customer) | {"sparse": True, "Active": False})
    changed = books.post("Invoice", token_of(invoice) | {"sparse": True, "PrivateNote": "x"})
    assert changed["Line"][0]["SalesItemLineDetail"]["ItemRef"]["value"] == item["Id"]
    assert books.fault("Invoice", body)["code"] == "2500"


def test_a_number_given_by_the_company_survives_a_full_update(books: Books) -> None:
    customer = books.customer("A")
    books.preferences(SalesFormsPrefs={"CustomTxnNumbers": False})
    invoice = books.invoice(customer)
    body = {"CustomerRef": {"value": customer["Id"]}, "Line": [sale(2)]}
    assert books.post("Invoice", token_of(invoice) | body)["DocNumber"] == "1001"
