"""One test per trap of docs/reference/quickbooks.md that the sandbox can show.

Some have a test elsewhere: 1–5, 7 (test_requestid), 12–14, 16–18 (test_payments, test_invoice), 20, 24, 25
(test_cdc), 26, 30–32, 34, 37, 40–44 (test_faults, test_customer, test_gates), 48, 49 (test_oauth).
"""

from __future__ import annotations

import pytest

from tests.support.sandbox.books import Books, discount, error_of, pays, sale, token_of


@pytest.mark.trap(6)
def test_06_47_post_then_fail(lone_books: Books) -> None:
    rule = {"kind": "http_500_after", "entity": "Customer", "times": 1}
    lone_books.sandbox.control("/faults", rule)
    answer = lone_books.call("POST", "customer", {"DisplayName": "A"})
    assert (answer.status_code, answer.json()["Fault"]["Error"][0]["code"]) == (500, "10000")
    assert len(lone_books.rows("select * from Customer where DisplayName = 'A'")) == 1


@pytest.mark.trap(8)
def test_08_stale_token_in_a_query(books: Books) -> None:
    customer = books.customer("A")
    books.post("Customer", token_of(customer) | {"sparse": True, "Notes": "x"})
    books.switches(query_stale_tokens=True)
    assert books.rows("select * from Customer")[0]["SyncToken"] == "0"
    assert books.get("Customer", customer["Id"])["SyncToken"] == "1"


def test_10_paying_makes_the_invoices_token_stale(books: Books) -> None:
    customer = books.customer("A")
    invoice = books.invoice(customer)
    books.payment(customer, 10, pays(invoice, 10))
    assert books.fault("Invoice", token_of(invoice) | {"sparse": True, "PrivateNote": "x"})["code"] == "5010"


def test_15_the_number_is_not_the_id(books: Books) -> None:
    customer = books.customer("A")
    books.invoice(customer, DocNumber="88001")
    body = {"CustomerRef": {"value": customer["Id"]}, "TotalAmt": 1, "Line": [pays({"Id": "88001"}, 1)]}
    fault = books.fault("Payment", body)
    assert fault["code"] == "610" and "deleted" in fault["Detail"]


@pytest.mark.trap(21)
def test_21_stubs_say_status_and_live_ones_do_not(books: Books) -> None:
    customer = books.customer("A")
    live, gone = books.invoice(customer), books.invoice(customer)
    books.post("Invoice", token_of(gone), operation="delete")
    block = books.cdc("Invoice", live["MetaData"]["CreateTime"])[0]["Invoice"]
    assert ["status" in held for held in block] == [False, True]


def test_28_tax_is_rounded_half_up_on_the_sum(books: Books) -> None:
    books.customer("A")
    books.preferences(TaxPrefs={"PartnerTaxEnabled": True})
    books.switches(automated_tax_percent=9.975)
    lines = [sale(2247.58, TaxCodeRef={"value": "TAX"})] * 2
    invoice = books.post("Invoice", {"CustomerRef": {"value": "1"}, "Line": lines})
    assert str(invoice["TxnTaxDetail"]["TotalTax"]) == "448.39"


@pytest.mark.trap(33)
def test_33_a_discount_without_amount_is_refused_not_dropped(books: Books) -> None:
    books.customer("A")
    line = discount() | {"Amount": None}
    assert books.fault("Invoice", {"CustomerRef": {"value": "1"}, "Line": [sale(9), line]})["code"] == "6090"


def test_35_hand_edited_amounts_cannot_be_echoed(books: Books) -> None:
    books.customer("A")
    line = sale(99, Qty=1, UnitPrice=100)
    assert books.fault("Invoice", {"CustomerRef": {"value": "1"}, "Line": [line]})["code"] == "6070"


def test_38_duplicate_numbers_in_both_kinds_of_company(books: Books) -> None:
    customer = books.customer("A")
    books.invoice(customer, DocNumber="1")
    books.switches(duplicate_number_warning=False)
    books.invoice(customer, DocNumber="1")
    books.switches(duplicate_number_warning=True)
    body = {"CustomerRef": {"value": customer["Id"]}, "Line": [sale(1)], "DocNumber": "1"}
    assert books.fault("Invoice", body)["code"] == "6140"
    assert books.memo(customer, DocNumber="1")["DocNumber"] == "1"
    books.preferences(SalesFormsPrefs={"CustomTxnNumbers": False})
    assert books.invoice(customer, DocNumber="1")["DocNumber"] == "1"


def test_39_the_fault_names_the_invoice_to_adopt(books: Books) -> None:
    customer = books.customer("A")
    first = books.invoice(customer, DocNumber="77")
    body = {"CustomerRef": {"value": customer["Id"]}, "Line": [sale(1)], "DocNumber": "77"}
    assert f"TxnId={first['Id']}" in books.fault("Invoice", body)["Detail"]


@pytest.mark.trap(46)
def test_46_the_fault_type_varies(books: Books) -> None:
    books.switches(fault_type="Validation")
    assert books.fault("Customer", {})["type"] == "Validation"


def test_50_lines_vanish_from_queries(books: Books) -> None:
    invoice = books.invoice(books.customer("A"))
    books.switches(query_lines_vanish=True)
    row = books.rows("select * from Invoice")[0]
    assert [line["DetailType"] for line in row["Line"]] == ["SubTotalLineDetail"]
    assert len(books.get("Invoice", invoice["Id"])["Line"]) == 2


@pytest.mark.trap(51)
def test_51_invoice_ref_is_dropped(books: Books) -> None:
    customer = books.customer("A")
    invoice = books.invoice(customer)
    memo = books.memo(customer, InvoiceRef={"value": invoice["Id"]})
    assert "InvoiceRef" not in memo
    assert books.get("Invoice", invoice["Id"])["Balance"] == 100


def test_36_comment_lines_carry_no_money(books: Books) -> None:
    books.customer("A")
    words = {"DetailType": "DescriptionOnly", "Description": "note", "Amount": 50}
    assert books.post("Invoice", {"CustomerRef": {"value": "1"}, "Line": [sale(1), words]})["TotalAmt"] == 1


def test_29_zero_tax_under_automated_tax(books: Books) -> None:
    books.customer("A")
    books.preferences(TaxPrefs={"PartnerTaxEnabled": True})
    body = {"CustomerRef": {"value": "1"}, "Line": [sale(1)], "TxnTaxDetail": {"TotalTax": 0}}
    assert books.fault("Invoice", body)["code"] == "6000"
    books.switches(zero_tax_refused=False)
    assert books.post("Invoice", body)["TotalAmt"] == 1


def test_45_two_envelopes(books: Books) -> None:
    missing = books.call("GET", "invoice/1")
    assert error_of(missing)["code"] == "610" and "Fault" in missing.json()
    books.http.headers["Authorization"] = "Bearer x"
    assert "fault" in books.call("GET", "invoice/1").json()


@pytest.mark.trap(55)
def test_55_the_other_environments_company(books: Books) -> None:
    url = books.base.replace(books.realm, "9999999999")
    answer = books.http.get(f"{url}/companyinfo/1")
    assert (answer.status_code, answer.json()["fault"]["error"][0]["code"]) == (403, "3100")
