"""Payments, credit memos, deposits (facts 9.5, 9.6)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.sandbox.books import Body, Books, pays, sale, token_of


@pytest.fixture
def customer(books: Books) -> Body:
    return books.customer("A")


def state(books: Books, invoice: Body) -> Any:
    held = books.get("Invoice", invoice["Id"])
    return held["Balance"], held["SyncToken"], [link["TxnId"] for link in held["LinkedTxn"]]


def test_paying_and_line_extras(books: Books, customer: Body) -> None:
    invoice = books.invoice(customer, 55, DocNumber="I-7")
    payment = books.payment(customer, 65, pays(invoice, 55), PaymentRefNum="chk 42")
    assert payment["UnappliedAmt"] == 10
    assert payment["DepositToAccountRef"]["name"] == "Undeposited Funds"
    extra = {e["value"]["Name"]: e["value"]["Value"] for e in payment["Line"][0]["LineEx"]["any"]}
    assert extra == {"txnId": invoice["Id"], "txnOpenBalance": "55.00", "txnReferenceNumber": "I-7"}
    assert state(books, invoice) == (0, "1", [payment["Id"]])
    assert books.get("Customer", customer["Id"])["Balance"] == -10
    assert books.rows("select * from Payment where PaymentRefNum = 'chk 42'")[0]["Id"] == payment["Id"]


def test_lines_are_all_or_none(books: Books, customer: Body) -> None:
    first, second = books.invoice(customer, 10), books.invoice(customer, 20)
    payment = books.payment(customer, 30, pays(first, 10), pays(second, 20))
    body = token_of(payment) | {"sparse": True, "CustomerRef": {"value": customer["Id"]}}
    payment = books.post("Payment", body | {"Line": [pays(second, 15)]})
    assert payment["UnappliedAmt"] == 15
    assert (state(books, first)[0], state(books, second)[0]) == (10, 5)
    assert state(books, first)[2] == []
    untouched = books.post("Payment", body | token_of(payment) | {"PrivateNote": "x"})
    assert untouched["Line"][0]["Amount"] == 15
    emptied = books.post("Payment", body | token_of(untouched) | {"Line": []})
    assert (emptied["UnappliedAmt"], emptied["Line"]) == (30, [])
    assert state(books, second)[0] == 20


def test_customer_is_required_in_sparse_updates(books: Books, customer: Body) -> None:
    payment = books.payment(customer, 5)
    fault = books.fault("Payment", token_of(payment) | {"sparse": True, "PrivateNote": "x"})
    assert (fault["code"], fault["element"]) == ("2020", "CustomerRef")


def test_credit_memo_by_zero_payment(books: Books, customer: Body) -> None:
    invoice, memo = books.invoice(customer, 100), books.memo(customer, 30)
    assert (memo["RemainingCredit"], memo["Balance"]) == (30, 30)
    payment = books.payment(customer, 0, pays(invoice, 30), pays(memo, 30, "CreditMemo"))
    assert (payment["TotalAmt"], payment["UnappliedAmt"]) == (0, 0)
    assert state(books, invoice)[0] == 70
    assert books.get("CreditMemo", memo["Id"])["RemainingCredit"] == 0
    assert books.get("Customer", customer["Id"])["Balance"] == 70
    books.post("Payment", token_of(payment), operation="delete")
    assert state(books, invoice)[0] == 100
    assert books.get("CreditMemo", memo["Id"])["RemainingCredit"] == 30


def test_both_links_in_one_line(books: Books, customer: Body) -> None:
    invoice, memo = books.invoice(customer, 100), books.memo(customer, 30)
    line = {"Amount": 30, "LinkedTxn": pays(invoice, 0)["LinkedTxn"] + pays(memo, 0, "CreditMemo")["LinkedTxn"]}
    assert books.payment(customer, 0, line)["UnappliedAmt"] == 0
    assert state(books, invoice)[0] == 70


def test_smaller_credit_memo_frees_the_invoice(books: Books, customer: Body) -> None:
    invoice, memo = books.invoice(customer, 100), books.memo(customer, 30)
    payment = books.payment(customer, 0, pays(invoice, 30), pays(memo, 30, "CreditMemo"))
    memo = books.get("CreditMemo", memo["Id"])
    memo = books.post("CreditMemo", token_of(memo) | {"sparse": True, "Line": [sale(20)]})
    assert memo["RemainingCredit"] == 0
    assert state(books, invoice)[0] == 80
    books.post("CreditMemo", token_of(memo), operation="delete")
    assert state(books, invoice)[0] == 100
    held = books.get("Payment", payment["Id"])
    assert (held["TotalAmt"], held["Line"], held["UnappliedAmt"]) == (0, [], 0)


@pytest.mark.parametrize("operation", ["void", "delete"])
def test_invoice_goes_and_the_payment_is_unapplied(books: Books, customer: Body, operation: str) -> None:
    invoice, other = books.invoice(customer, 100), books.invoice(customer, 50)
    payment = books.payment(customer, 150, pays(invoice, 100), pays(other, 50))
    paid = books.get("Invoice", invoice["Id"])
    books.post("Invoice", token_of(paid), operation=operation)
    held = books.get("Payment", payment["Id"])
    assert (held["UnappliedAmt"], held["SyncToken"]) == (100, "1")
    assert [line["LinkedTxn"][0]["TxnId"] for line in held["Line"]] == [other["Id"]]
    assert books.get("Customer", customer["Id"])["Balance"] == -100


def test_invoice_goes_and_its_credit_is_free_again(books: Books, customer: Body) -> None:
    invoice, memo = books.invoice(customer, 100), books.memo(customer, 30)
    payment = books.payment(customer, 0, pays(invoice, 30), pays(memo, 30, "CreditMemo"))
    books.switches(empty_application="delete")
    books.post("Invoice", token_of(books.get("Invoice", invoice["Id"])), operation="delete")
    assert books.get("CreditMemo", memo["Id"])["RemainingCredit"] == 30
    assert books.call("GET", f"payment/{payment['Id']}").status_code == 400


def test_lowering_a_paid_invoice(books: Books, customer: Body) -> None:
    invoice = books.invoice(customer, 100)
    payment = books.payment(customer, 100, pays(invoice, 100))
    paid = books.get("Invoice", invoice["Id"])
    books.switches(lower_paid_invoice="refuse")
    assert books.fault("Invoice", token_of(paid) | {"sparse": True, "Line": [sale(60)]})["code"] == "6000"
    books.switches(lower_paid_invoice="unapply")
    lowered = books.post("Invoice", token_of(paid) | {"sparse": True, "Line": [sale(60)]})
    assert (lowered["TotalAmt"], lowered["Balance"]) == (60, 0)
    assert books.get("Payment", payment["Id"])["UnappliedAmt"] == 40
    raised = books.post("Invoice", token_of(lowered) | {"sparse": True, "Line": [sale(90)]})
    assert raised["Balance"] == 30


def test_customer_of_a_paid_invoice(books: Books, customer: Body) -> None:
    invoice, other = books.invoice(customer, 10), books.customer("B")
    books.payment(customer, 10, pays(invoice, 10))
    body = token_of(books.get("Invoice", invoice["Id"])) | {"sparse": True, "CustomerRef": {"value": other["Id"]}}
    assert books.fault("Invoice", body)["code"] == "6000"
    books.switches(paid_invoice_customer="unapply")
    assert books.post("Invoice", body)["Balance"] == 10


def test_families(books: Books, customer: Body) -> None:
    child = books.sub_customer("B", customer)
    first, second = books.invoice(child, 10), books.invoice(customer, 10)
    books.payment(customer, 10, pays(first, 10))
    body = {"CustomerRef": {"value": child["Id"]}, "TotalAmt": 10, "Line": [pays(second, 10)]}
    assert books.fault("Payment", body)["code"] == "620"
    books.switches(cross_customer_payment="exact")
    third = books.invoice(child, 10)
    body = {"CustomerRef": {"value": customer["Id"]}, "TotalAmt": 10, "Line": [pays(third, 10)]}
    assert books.fault("Payment", body)["code"] == "620"


def test_void_and_delete_a_payment(books: Books, customer: Body) -> None:
    invoice = books.invoice(customer, 100)
    payment = books.payment(customer, 100, pays(invoice, 100), PrivateNote="hi")
    body = token_of(payment) | {"sparse": True}
    voided = books.post("Payment", body, operation="update", include="void")
    assert (voided["TotalAmt"], voided["UnappliedAmt"], voided["Line"]) == (0, 0, [])
    assert voided["PrivateNote"].startswith("Voided")
    assert state(books, invoice) == (100, "2", [])
    books.post("Payment", token_of(voided), operation="delete")
    assert books.query("select count(*) from Payment") == {"totalCount": 0}


def test_deposits_freeze(books: Books, customer: Body) -> None:
    invoice = books.invoice(customer, 100)
    payment = books.payment(customer, 100, pays(invoice, 100))
    deposit = books.post(
        "Deposit",
        {"DepositToAccountRef": {"value": books.account("Checking")}, "Line": [pays(payment, 100, "Payment")]},
    )
    assert deposit["TotalAmt"] == 100
    held = books.get("Payment", payment["Id"])
    assert held["LinkedTxn"][0]["TxnType"] == "Deposit"
    assert held["DepositToAccountRef"]["name"] == "Undeposited Funds"
    body = token_of(held) | {"sparse": True, "CustomerRef": {"value": customer["Id"]}, "PrivateNote": "x"}
    assert books.fault("Payment", body)["code"] == "6540"
    assert books.fault("Payment", token_of(held), operation="delete")["code"] == "6540"
    assert books.fault("Payment", token_of(held), operation="update", include="void")["code"] == "6540"
    again = {"DepositToAccountRef": {"value": "8"}, "Line": [pays(payment, 100, "Payment")]}
    assert books.fault("Deposit", again)["code"] == "620"
    books.post("Deposit", token_of(deposit), operation="delete")
    held = books.get("Payment", payment["Id"])
    books.post("Payment", token_of(held), operation="delete")
    assert state(books, invoice)[0] == 100


def test_automation_on(books: Books, customer: Body) -> None:
    old, new = books.invoice(customer, 40, TxnDate="2026-01-02"), books.invoice(customer, 40, TxnDate="2026-01-05")
    books.payment(customer, 7)
    books.preferences(SalesFormsPrefs={"AutoApplyCredit": True, "AutoApplyPayments": True})
    memo = books.memo(customer, 50)
    assert memo["RemainingCredit"] == 0
    assert (state(books, old)[0], state(books, new)[0]) == (0, 30)
    body = {"CustomerRef": {"value": customer["Id"]}, "TotalAmt": 0,
            "Line": [pays(new, 30), pays(memo, 30, "CreditMemo")]}  # fmt: skip
    assert books.fault("Payment", body)["code"] == "6000"
    assert books.invoice(customer, 10)["Balance"] == 3
    answer = books.call("POST", "preferences", {"Id": "1", "SyncToken": _token(books), "sparse": True,
                                                "SalesFormsPrefs": {"AutoApplyCredit": False}})  # fmt: skip
    assert answer.status_code == 200
    assert answer.json()["Preferences"]["SalesFormsPrefs"]["AutoApplyCredit"] is True


def _token(books: Books) -> str:
    return str(books.call("GET", "preferences").json()["Preferences"]["SyncToken"])


def test_closed_period_quietly(books: Books, customer: Body) -> None:
    payment = books.payment(customer, 5, TxnDate="2026-01-05")
    books.preferences(AccountingInfoPrefs={"BookCloseDate": "2026-01-31"})
    books.switches(closed_period="ignore")
    body = token_of(payment) | {"sparse": True, "CustomerRef": {"value": customer["Id"]}, "TotalAmt": 9}
    assert books.post("Payment", body)["TotalAmt"] == 5
    assert books.get("Payment", payment["Id"])["SyncToken"] == "0"
