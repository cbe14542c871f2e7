"""The web page: seen and changed by hand, through the same code as the API."""

from __future__ import annotations

import requests

from tests.support.sandbox.books import Books, discount, pays, sale


def page(books: Books, path: str = "") -> str:
    answer = requests.get(f"{books.sandbox.url}/companies/{books.realm}{path}", timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.text


def submit(books: Books, kind: str, **form: str) -> requests.Response:
    url = f"{books.sandbox.url}/companies/{books.realm}/{kind}"
    return requests.post(url, data=form, timeout=10, allow_redirects=False)


def test_what_is_shown_is_escaped(books: Books) -> None:
    customer = books.customer("<script>alert(1)</script> & Co")
    books.invoice(customer, 12.5, DocNumber="<b>7</b>", PrivateNote="</textarea><i>")
    books.payment(customer, 3, PaymentRefNum='"><img>')
    shown = page(books)
    assert "<script>alert" not in shown and "<b>7</b>" not in shown and "<img>" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; Co" in shown
    assert "12.50" in shown
    assert "<i>" not in page(books, "/Invoice/1")
    assert books.realm in requests.get(books.sandbox.url, timeout=10).text


def test_create_edit_void_delete_an_invoice(books: Books) -> None:
    customer = books.customer("A")
    form = {"CustomerRef": customer["Id"], "DocNumber": "W-1", "TxnDate": "2026-03-01", "PrivateNote": "by hand",
            "item0": "1", "qty0": "2", "price0": "10.50", "text0": "Crown", "discount": "1", "shipping": "4",
            "tax": "2.5", "item1": "", "qty1": "", "price1": ""}  # fmt: skip
    assert submit(books, "Invoice", action="save", **form).status_code == 303
    invoice = books.rows("select * from Invoice")[0]
    assert float(invoice["TotalAmt"]) == 26.5
    shown = page(books, f"/Invoice/{invoice['Id']}")
    assert 'value="10.5"' in shown and "by hand" in shown
    change = {"Id": invoice["Id"], "SyncToken": invoice["SyncToken"], "line0": invoice["Line"][0]["Id"]}
    assert submit(books, "Invoice", action="save", **(form | change | {"qty0": "3"})).status_code == 303
    invoice = books.get("Invoice", invoice["Id"])
    assert (float(invoice["TotalAmt"]), invoice["SyncToken"]) == (37.0, "1")
    stale = submit(books, "Invoice", action="save", **(form | change))
    assert stale.status_code == 400 and "5010" in stale.text
    change["SyncToken"] = "1"
    assert submit(books, "Invoice", action="void", **change).status_code == 303
    assert "voided" in page(books)
    change["SyncToken"] = "2"
    assert submit(books, "Invoice", action="delete", **change).status_code == 303
    assert books.query("select count(*) from Invoice") == {"totalCount": 0}


def test_a_payment_by_hand(books: Books) -> None:
    customer = books.customer("A")
    invoice = books.invoice(customer, 100)
    assert f'name="Invoice/{invoice["Id"]}"' in page(books, "/Payment/new")
    form = {"CustomerRef": customer["Id"], "TotalAmt": "60", f"Invoice/{invoice['Id']}": "60"}
    assert submit(books, "Payment", action="save", **form).status_code == 303
    assert books.get("Invoice", invoice["Id"])["Balance"] == 40
    payment = books.rows("select * from Payment")[0]
    change = {"Id": payment["Id"], "SyncToken": "0"}
    assert (
        submit(books, "Payment", action="save", **(form | change | {f"Invoice/{invoice['Id']}": "200"})).status_code
        == 400
    )
    assert submit(books, "Payment", action="delete", **change).status_code == 303
    assert books.get("Invoice", invoice["Id"])["Balance"] == 100


def test_memos_and_unknown_pages(books: Books) -> None:
    customer = books.customer("A")
    memo = books.memo(customer, 5)
    assert "Credit memos" in page(books)
    books.payment(customer, 0, pays(books.invoice(customer, 5), 5), pays(memo, 5, "CreditMemo"))
    assert page(books, f"/CreditMemo/{memo['Id']}")
    for path in ("/companies/1", f"/companies/{books.realm}/Customer/1", f"/companies/{books.realm}/Invoice/999"):
        assert requests.get(f"{books.sandbox.url}{path}", timeout=10).status_code == 404


def test_what_the_form_does_not_show_stays(books: Books) -> None:
    customer = books.customer("A")
    words = {"DetailType": "DescriptionOnly", "Description": "shade A2"}
    lines = [sale(100, ServiceDate="2026-01-02"), words, discount(DiscountPercent=10, PercentBased=True)]
    code = books.rows("select * from TaxCode where Name = 'California'")[0]["Id"]
    lines[0]["SalesItemLineDetail"]["TaxCodeRef"] = {"value": "TAX"}
    body = {"CustomerRef": {"value": customer["Id"]}, "Line": lines, "TxnTaxDetail": {"TxnTaxCodeRef": {"value": code}}}
    invoice = books.post("Invoice", body)
    form = {"Id": invoice["Id"], "SyncToken": "0", "CustomerRef": customer["Id"], "line0": "1", "item0": "1",
            "qty0": "2", "price0": "100", "tax0": "1", "discount": "10", "tax": "8"}  # fmt: skip
    assert submit(books, "Invoice", action="save", **form).status_code == 303
    changed = books.get("Invoice", invoice["Id"])
    assert float(changed["TotalAmt"]) == 200 - 20 + 16
    assert changed["Line"][0]["SalesItemLineDetail"]["ServiceDate"] == "2026-01-02"
    assert changed["Line"][1]["Description"] == "shade A2"
    assert changed["Line"][3]["DiscountLineDetail"]["DiscountPercent"] == 10


def test_a_customer_by_hand(books: Books) -> None:
    for said in ("created", "6240"):
        answer = submit(books, "Customer", DisplayName="By Hand")
        assert said in answer.headers["Location"]
    assert "By Hand" in page(books)
