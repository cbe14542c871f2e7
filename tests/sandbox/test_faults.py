"""Each fault code that the entities can raise, by its real cause (fact 8.4)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.sandbox.books import Body, Books, discount, error_of, pays, sale, shipping, token_of


def line_of(customer: Body, *lines: Body, **more: Any) -> Body:
    return {"CustomerRef": {"value": customer["Id"]}, "Line": list(lines), **more}


def test_500_unsupported_operation(books: Books) -> None:
    fault = books.fault("Nonsense", {"Name": "x"})
    assert (fault["code"], fault["Message"]) == ("500", "Unsupported Operation")
    assert fault["Detail"] == "Operation nonsense is not supported."
    customer = books.customer("Old")
    assert books.fault("Customer", token_of(customer), operation="delete")["code"] == "500"
    answer = books.http.post(f"{books.base}/customer", data=b'{"DisplayName":"\xff"}')
    assert "MalformedByteSequenceException" in error_of(answer)["Detail"]


def test_600_request_id_of_another_request(books: Books) -> None:
    books.switches(requestid_other_body="refuse")
    books.call("POST", "customer", {"DisplayName": "A"}, requestid="r-1")
    assert error_of(books.call("POST", "customer", {"DisplayName": "B"}, requestid="r-1"))["code"] == "600"


def test_610_deleted_and_unknown(books: Books) -> None:
    invoice = books.invoice(books.customer("A"))
    books.post("Invoice", token_of(invoice), operation="delete")
    gone = error_of(books.call("GET", f"invoice/{invoice['Id']}"))
    assert gone["Detail"] == "Object Not Found : Another user has deleted this transaction."
    unknown = error_of(books.call("GET", "invoice/99999"))
    assert (gone["code"], unknown["code"]) == ("610", "610")
    assert unknown["Detail"].startswith("Object Not Found : Something you're trying to use has been made inactive.")
    assert books.fault("Invoice", token_of(invoice) | {"sparse": True})["code"] == "610"


def test_620_another_customers_invoice(books: Books) -> None:
    invoice = books.invoice(books.customer("A"))
    other = books.customer("B")
    body = {"CustomerRef": {"value": other["Id"]}, "TotalAmt": 100, "Line": [pays(invoice, 100)]}
    fault = books.fault("Payment", body)
    assert fault["code"] == "620"
    assert fault["element"] == "Payment.Line.LinkedTxn.TxnId"


def test_700_an_items_parent_is_a_category(books: Books) -> None:
    income = {"value": books.account("Services")}
    body = {"Name": "Sub", "Type": "Service", "IncomeAccountRef": income, "SubItem": True, "ParentRef": {"value": "1"}}
    assert books.fault("Item", body)["code"] == "700"


def test_800_paid_invoice_where_deleting_is_refused(books: Books) -> None:
    books.switches(paid_invoice_delete="refuse")
    customer = books.customer("A")
    invoice = books.invoice(customer)
    books.payment(customer, 100, pays(invoice, 100))
    paid = books.get("Invoice", invoice["Id"])
    assert books.fault("Invoice", token_of(paid), operation="delete")["code"] == "800"


def test_900_parent_cannot_be_child(books: Books) -> None:
    parent = books.customer("A")
    child = books.sub_customer("B", parent)
    body = token_of(parent) | {"sparse": True, "Job": True, "ParentRef": {"value": child["Id"]}}
    assert books.fault("Customer", body)["code"] == "900"


def test_1040_batch_of_31(books: Books) -> None:
    items = [{"bId": str(n), "Query": "select * from Term"} for n in range(31)]
    assert error_of(books.call("POST", "batch", {"BatchItemRequest": items}))["code"] == "1040"


def test_1050_content_type(books: Books) -> None:
    answer = books.http.post(f"{books.base}/customer", data="x", headers={"Content-Type": "text/csv"})
    assert error_of(answer)["code"] == "1050"


def test_2000_unknown_entity_in_cdc(books: Books) -> None:
    answer = books.call("GET", "cdc", entities="TaxRate", changedSince="2026-11-01")
    assert error_of(answer)["code"] == "2000"


@pytest.mark.trap(37)
def test_2010_has_jacksons_words(books: Books) -> None:
    customer = books.customer("A")
    line = sale(5)
    line["SalesItemLineDetail"]["Amount"] = 5
    fault = books.fault("Invoice", line_of(customer, line))
    assert fault["code"] == "2010"
    assert 'Unrecognized field "Amount" (class com.intuit.schema.finance.v3.SalesItemLineDetail)' in fault["Detail"]
    answer = books.http.post(f"{books.base}/invoice", data="{broken")
    assert "failed to parse json object" in error_of(answer)["Detail"]


@pytest.mark.parametrize(
    ("kind", "body", "element"),
    [
        ("Invoice", {"Line": [sale(1)]}, "CustomerRef"),
        ("Invoice", {"CustomerRef": {"value": "1"}}, "Line"),
        ("Payment", {"TotalAmt": 1}, "CustomerRef"),
        ("Item", {"Name": "A"}, "Type"),
        ("Item", {"Name": "A", "Type": "Service"}, "IncomeAccountRef"),
        ("Bill", {"Line": []}, "VendorRef"),
        ("Term", {"Name": "A"}, "DueDays"),
        ("RefundReceipt", {"Line": [sale(1)]}, "DepositToAccountRef"),
        ("Account", {"AccountType": "Bank"}, "Name"),
        ("Invoice", {"Id": "1", "sparse": True}, "SyncToken"),
    ],
)
def test_2020_required(books: Books, kind: str, body: Body, element: str) -> None:
    books.invoice(books.customer("A"))
    fault = books.fault(kind, body)
    assert (fault["code"], fault["element"]) == ("2020", element)
    assert fault["Detail"] == f"Required parameter {element} is missing in the request"


@pytest.mark.parametrize(
    ("code", "kind", "body"),
    [
        ("2030", "Invoice", {"Id": "abc", "SyncToken": "0"}),
        ("2040", "Customer", {"DisplayName": "A:B"}),
        ("2040", "Account", {"Name": 'A"B', "AccountType": "Bank"}),
        ("2050", "Customer", {"DisplayName": "x" * 501}),
        ("2060", "Invoice", {"TxnDate": "tomorrow", "CustomerRef": {"value": "1"}, "Line": [sale(1)]}),
        ("2070", "Invoice", {"TxnDate": "2026-02-30", "CustomerRef": {"value": "1"}, "Line": [sale(1)]}),
        ("2090", "Payment", {"TotalAmt": "ten", "CustomerRef": {"value": "1"}}),
        ("2150", "Invoice", {"CustomerRef": {"value": "1"}, "Line": [sale(9), discount(DiscountPercent=101)]}),
        ("2170", "Invoice", {"EmailStatus": "HAS_BEEN_BILLED", "CustomerRef": {"value": "1"}, "Line": [sale(1)]}),
        ("2200", "Customer", {"DisplayName": "A", "WebAddr": {"URI": "not a page"}}),
        ("3000", "Invoice", {"CustomField": [{"DefinitionId": "9", "StringValue": "x"}],
                             "CustomerRef": {"value": "1"}, "Line": [sale(1)]}),
        ("6170", "Invoice", {"GlobalTaxCalculation": "NotApplicable", "TxnTaxDetail": {"TotalTax": 1},
                             "CustomerRef": {"value": "1"}, "Line": [sale(1)]}),
        ("2210", "Customer", {"DisplayName": "A", "PrimaryEmailAddr": {"Address": "nobody"}}),
        ("2230", "Customer", {"DisplayName": "A", "Active": "maybe"}),
        ("2240", "Payment", {"TotalAmt": 1, "CustomerRef": {"value": "1"}, "Line": [pays({"Id": "1"}, -1)]}),
        ("2290", "Payment", {"TotalAmt": -1, "CustomerRef": {"value": "1"}}),
        ("2500", "Invoice", {"CustomerRef": {"value": "999"}, "Line": [sale(1)]}),
        ("6000", "Payment", {"CustomerRef": {"value": "1"}}),
        ("6010", "Account", {"Name": "A"}),
        ("6080", "Customer", {"Notes": "nobody"}),
        ("6090", "Invoice", {"CustomerRef": {"value": "1"}, "Line": [sale(9), discount()]}),
        ("6100", "Invoice", {"CustomerRef": {"value": "1"}, "Line": [sale(9, TaxCodeRef={"value": "7"})]}),
        ("6150", "Customer", {"DisplayName": "A", "Job": True}),
        ("6150", "Customer", {"DisplayName": "A", "ParentRef": {"value": "1"}}),
        ("6160", "Invoice", {"CustomerRef": {"value": "1"}, "Line": [sale(9)],
                             "TxnTaxDetail": {"TxnTaxCodeRef": {"value": "99"}}}),
        ("6420", "Invoice", {"EmailStatus": "NeedToSend", "CustomerRef": {"value": "1"}, "Line": [sale(1)]}),
        ("6460", "Invoice", {"Deposit": 10, "CustomerRef": {"value": "1"}, "Line": [sale(1)]}),
    ],
)  # fmt: skip
def test_simple_causes(books: Books, code: str, kind: str, body: Body) -> None:
    books.invoice(books.customer("Someone"))
    fault = books.fault(kind, body)
    assert (fault["code"], fault["type"]) == (code, "ValidationFault")


def test_2050_says_how_long(books: Books) -> None:
    fault = books.fault("Invoice", line_of(books.customer("A"), sale(1), DocNumber="9" * 45))
    assert fault["Detail"] == (
        "String length specified does not match the supported length. Min:0 Max:21 supported. Supplied length:45"
    )
    assert fault["element"] == "DocNumber"


def test_2130_request_id_too_long(books: Books) -> None:
    answer = books.call("POST", "customer", {"DisplayName": "A"}, requestid="x" * 51)
    assert error_of(answer)["code"] == "2130"


def test_2500_names_the_family(books: Books) -> None:
    customer = books.customer("A")
    assert "Names element id 999 not found" in books.fault("Invoice", {**line_of(customer, sale(1)),
                                                            "CustomerRef": {"value": "999"}})["Detail"]  # fmt: skip
    assert "Items element id 77 not found" in books.fault("Invoice", line_of(customer, sale(1, "77")))["Detail"]


def test_5010_stale(books: Books) -> None:
    customer = books.customer("A")
    books.post("Customer", token_of(customer) | {"sparse": True, "Notes": "1"})
    fault = books.fault("Customer", token_of(customer) | {"sparse": True, "Notes": "2"})
    assert fault["code"] == "5010"
    assert fault["Detail"].startswith("Stale Object Error : You and ")


@pytest.mark.trap(30, 31)
def test_6000_texts(books: Books) -> None:
    customer = books.customer("A")
    over = books.fault("Invoice", line_of(customer, sale(10), discount(11)))
    assert over["Detail"] == "Business Validation Error: The discount amount can't be greater than the subtotal."
    both = books.fault("Invoice", line_of(customer, sale(10), discount(3, DiscountPercent=10)))
    assert "can't set both an amount and a discount percentage" in both["Detail"]
    invoice = books.invoice(customer, 100)
    body = {"CustomerRef": {"value": customer["Id"]}, "TotalAmt": 50, "Line": [pays(invoice, 100)]}
    assert "Amount Received plus credits can't be less" in books.fault("Payment", body)["Detail"]
    body = {"CustomerRef": {"value": customer["Id"]}, "TotalAmt": 500, "Line": [pays(invoice, 101)]}
    assert books.fault("Payment", body)["code"] == "6000"
    eur = line_of(customer, sale(1), CurrencyRef={"value": "EUR"})
    assert "Change transaction currency" in books.fault("Invoice", eur)["Detail"]


def test_6070_real_text(books: Books) -> None:
    fault = books.fault("Invoice", line_of(books.customer("A"), sale(1000, Qty=3, UnitPrice=333.33)))
    assert (fault["code"], fault["element"]) == ("6070", "Line.Amount")
    assert fault["Detail"] == "Amount is not equal to UnitPrice * Qty. Supplied value:1,000"


def test_6130_who_bills(books: Books) -> None:
    parent = books.customer("A")
    child = books.sub_customer("B", parent)
    child = books.post("Customer", token_of(child) | {"sparse": True, "BillWithParent": True})
    books.invoice(parent)
    fault = books.fault("Customer", token_of(child) | {"sparse": True, "BillWithParent": False})
    assert fault["code"] == "6130"


def test_6440_a_cost_needs_an_account(books: Books) -> None:
    vendor = books.post("Vendor", {"DisplayName": "V"})
    detail = {"DetailType": "AccountBasedExpenseLineDetail", "AccountBasedExpenseLineDetail": {}}
    body = {"VendorRef": {"value": vendor["Id"]}, "Line": [{"Amount": 1, **detail}]}
    assert books.fault("Bill", body)["code"] == "6440"


def test_610_for_inactive_references_where_so_switched(books: Books) -> None:
    customer = books.customer("A")
    books.post("Customer", token_of(customer) | {"sparse": True, "Active": False})
    books.switches(inactive_reference=610)
    assert books.fault("Invoice", line_of(customer, sale(1)))["code"] == "610"


def test_6140_names_the_holder(books: Books) -> None:
    customer = books.customer("A")
    first = books.invoice(customer, DocNumber="18696")
    fault = books.fault("Invoice", line_of(customer, sale(1), DocNumber="18696"))
    assert fault["code"] == "6140"
    assert fault["Detail"].endswith(f"DocNumber=18696 is assigned to TxnType=Invoice with TxnId={first['Id']}")
    books.post("Invoice", line_of(customer, sale(1), DocNumber="18696"), include="allowduplicatedocnum")


def test_6180_sixth_level(books: Books) -> None:
    held = books.customer("Level 0")
    for level in range(1, 5):
        held = books.sub_customer(f"Level {level}", held)
    assert held["Level"] == 4
    body = {"DisplayName": "Level 5", "Job": True, "ParentRef": {"value": held["Id"]}}
    assert books.fault("Customer", body)["code"] == "6180"


def test_6190_subscription_ended(books: Books) -> None:
    customer = books.customer("A")
    books.sandbox.control(f"/companies/{books.realm}/subscription", {"ended": True})
    assert books.fault("Customer", {"DisplayName": "B"})["code"] == "6190"
    assert books.get("Customer", customer["Id"])["DisplayName"] == "A"


def test_6210_closed_period(books: Books) -> None:
    customer = books.customer("A")
    invoice = books.invoice(customer, TxnDate="2026-01-31")
    books.preferences(AccountingInfoPrefs={"BookCloseDate": "2026-01-31"})
    assert books.fault("Invoice", line_of(customer, sale(1), TxnDate="2026-01-15"))["code"] == "6210"
    assert books.fault("Invoice", token_of(invoice) | {"sparse": True, "TxnDate": "2026-02-02"})["code"] == "6210"
    assert books.fault("Invoice", token_of(invoice), operation="delete")["code"] == "6210"
    assert books.fault("Invoice", token_of(invoice), operation="void")["code"] == "6210"
    books.invoice(customer, TxnDate="2026-02-01")


def test_6220_balance(books: Books) -> None:
    customer = books.customer("A")
    books.invoice(customer)
    fault = books.fault("Customer", token_of(customer) | {"sparse": True, "Active": False})
    assert fault["code"] == "6220"
    assert fault["Detail"].startswith("The entity you are trying to delete has an open balance.")


def test_6240_across_names(books: Books) -> None:
    books.post("Vendor", {"DisplayName": "Smith Dental"})
    books.post("Employee", {"GivenName": "Ann", "FamilyName": "Lee"})
    assert books.fault("Customer", {"DisplayName": "smith dental "})["code"] == "6240"
    assert books.fault("Customer", {"DisplayName": "Ann Lee"})["code"] == "6240"
    books.switches(name_clash_text="template")
    assert "$$customer$$" in books.fault("Customer", {"DisplayName": "Ann Lee"})["Detail"]


def test_6430_account_types(books: Books) -> None:
    checking, customer = books.account("Checking"), books.customer("A")
    item = {"Name": "X", "Type": "Service", "IncomeAccountRef": {"value": checking}}
    assert books.fault("Item", item)["code"] == "6430"
    wrong = discount(1, DiscountAccountRef={"value": checking})
    assert books.fault("Invoice", line_of(customer, sale(9), wrong))["code"] == "6430"
    body = line_of(customer, sale(1), ARAccountRef={"value": checking})
    assert books.fault("Invoice", body)["code"] == "6430"
    pay = {"CustomerRef": {"value": customer["Id"]}, "TotalAmt": 1}
    income = books.account("Services")
    assert books.fault("Payment", pay | {"DepositToAccountRef": {"value": income}})["code"] == "6430"


@pytest.mark.trap(32)
def test_10000_two_discounts(books: Books) -> None:
    body = line_of(books.customer("A"), sale(10), discount(1), discount(2))
    answer = books.call("POST", "invoice", body)
    assert answer.status_code == 500
    fault = answer.json()["Fault"]
    assert (fault["type"], fault["Error"][0]["code"]) == ("SystemFault", "10000")


def test_switched_off_discounts_and_shipping(books: Books) -> None:
    customer = books.customer("A")
    books.preferences(SalesFormsPrefs={"AllowDiscount": False, "AllowShipping": False})
    assert books.fault("Invoice", line_of(customer, sale(10), discount(1)))["code"] == "6000"
    assert books.fault("Invoice", line_of(customer, sale(10), shipping(1)))["code"] == "6000"
    books.switches(discount_off="drop", shipping_off="drop")
    invoice = books.post("Invoice", line_of(customer, sale(10), discount(1), shipping(1)))
    assert invoice["TotalAmt"] == 10


def test_journal_entry_balances(books: Books) -> None:
    rent = books.account("Rent or Lease")

    def line(side: str, amount: int) -> Body:
        detail = {"PostingType": side, "AccountRef": {"value": rent}}
        return {"Amount": amount, "DetailType": "JournalEntryLineDetail", "JournalEntryLineDetail": detail}

    assert books.fault("JournalEntry", {"Line": [line("Debit", 2), line("Credit", 1)]})["code"] == "6000"
