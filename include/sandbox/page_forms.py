"""The forms of the web page, and the API request that a filled-in form stands for."""

from __future__ import annotations

from decimal import Decimal
from html import escape

from .entities.item import SHIPPING
from .entities.kind import total_of
from .layout import options
from .money import cents, decimal_of
from .schema import Body
from .store import Company

PAGE_KINDS = ("Invoice", "CreditMemo", "Payment")
_SPARE_LINES = 3


def form_for(company: Company, kind: str, body: Body, action: str) -> str:
    """The form of a transaction, filled in with what it has now."""
    inner = _payment_fields(company, body) if kind == "Payment" else _sales_fields(company, body)
    number, label = ("PaymentRefNum", "Reference") if kind == "Payment" else ("DocNumber", "Number")
    head = (
        _hidden("Id", body.get("Id")) + _hidden("SyncToken", body.get("SyncToken")) + _customer(company, body)
        + _input(label, number, body.get(number)) + _input("Date", "TxnDate", body.get("TxnDate"), "date")
    )  # fmt: skip
    note = f'<label>Memo <textarea name="PrivateNote" rows="2">{escape(body.get("PrivateNote", ""))}</textarea></label>'
    summary = _summary(kind, body)
    buttons = '<button name="action" value="save">Save</button> '
    if body.get("Id"):
        if kind != "CreditMemo":
            buttons += '<button name="action" value="void">Void</button> '
        buttons += '<button name="action" value="delete">Delete</button>'
    return f'<form method="post" action="{escape(action)}">{head}{inner}{note}{summary}{buttons}</form>'


def request_from(company: Company, kind: str, form: dict[str, str]) -> Body:
    """The API request of a filled-in form: sparse for a change."""
    body: Body = {}
    if form.get("Id"):
        body = {"Id": form["Id"], "SyncToken": form.get("SyncToken", ""), "sparse": True}
        if form.get("action") in ("void", "delete"):
            return body
    body["CustomerRef"] = {"value": form.get("CustomerRef", "")}
    number = "PaymentRefNum" if kind == "Payment" else "DocNumber"
    for name in (number, "PrivateNote"):
        if name in form and (form[name] or body.get("Id")):
            body[name] = form[name]
    if form.get("TxnDate"):
        body["TxnDate"] = form["TxnDate"]
    if kind == "Payment":
        body["TotalAmt"] = decimal_of(form.get("TotalAmt", "")) or Decimal(0)
        body["Line"] = _payment_lines(form)
    else:
        if form.get("DueDate") and kind == "Invoice":
            body["DueDate"] = form["DueDate"]
        held = company.peek(kind, form.get("Id", "")) or {}
        body["Line"] = _sales_lines(form, held.get("Line", []))
        tax = _tax(form, held.get("TxnTaxDetail", {}))
        if tax is not None:
            body["TxnTaxDetail"] = tax
    return body


def _tax(form: dict[str, str], held: Body) -> Body | None:
    """A tax left as it was is computed anew where a rate stands behind it."""
    tax = decimal_of(form.get("tax", ""))
    if tax is None:
        return None
    if tax == total_of(held, "TotalTax") and held.get("TxnTaxCodeRef"):
        return {"TxnTaxCodeRef": held["TxnTaxCodeRef"]}
    return {"TotalTax": tax}


def _sales_lines(form: dict[str, str], held: list[Body]) -> list[Body]:
    """The lines of the form; what it does not show of the lines held so far (comments, dates, classes) stays."""
    known = {line["Id"]: line for line in held if "Id" in line}
    lines: list[Body] = []
    place = 0
    while f"item{place}" in form:
        line = _sales_line(form, place, known.get(form.get(f"line{place}", ""), {}))
        if line is not None:
            lines.append(line)
        place += 1
    lines += [line for line in held if line["DetailType"] == "DescriptionOnly"]
    return lines + _boxes(form, held)


def _sales_line(form: dict[str, str], place: int, held: Body) -> Body | None:
    quantity, price = decimal_of(form.get(f"qty{place}", "")), decimal_of(form.get(f"price{place}", ""))
    if not form[f"item{place}"] or quantity is None or price is None:
        return None
    detail = dict(held.get("SalesItemLineDetail", {}))
    detail |= {"ItemRef": {"value": form[f"item{place}"]}, "Qty": quantity, "UnitPrice": price}
    detail["TaxCodeRef"] = {"value": "TAX" if form.get(f"tax{place}") else "NON"}
    line: Body = {"DetailType": "SalesItemLineDetail", "Amount": cents(quantity * price)}
    line["SalesItemLineDetail"] = detail
    if form.get(f"text{place}"):
        line["Description"] = form[f"text{place}"]
    if held:
        line["Id"] = held["Id"]
    return line


def _boxes(form: dict[str, str], held: list[Body]) -> list[Body]:
    """The discount box and the shipping box; a percentage stays one while its amount is left alone."""
    lines: list[Body] = []
    discount, shipping = decimal_of(form.get("discount", "")), decimal_of(form.get("shipping", ""))
    old = next((line for line in held if line["DetailType"] == "DiscountLineDetail"), None)
    if discount:
        detail: Body = {"PercentBased": False}
        line: Body = {"DetailType": "DiscountLineDetail", "DiscountLineDetail": detail, "Amount": discount}
        if old is not None and old["DiscountLineDetail"].get("PercentBased") and old["Amount"] == discount:
            line["DiscountLineDetail"] = old["DiscountLineDetail"]
            del line["Amount"]
        lines.append(line)
    if shipping:
        detail = {"ItemRef": {"value": SHIPPING}}
        lines.append({"Amount": shipping, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": detail})
    return lines


def _payment_lines(form: dict[str, str]) -> list[Body]:
    lines: list[Body] = []
    for name, value in form.items():
        kind, _, record_id = name.partition("/")
        applied = decimal_of(value)
        if record_id and applied:
            lines.append({"Amount": applied, "LinkedTxn": [{"TxnId": record_id, "TxnType": kind}]})
    return lines


def _customer(company: Company, body: Body) -> str:
    held = company.table("Customer")
    chosen = body.get("CustomerRef", {}).get("value", "")
    choices = [
        (record.id, str(held.value(record, "FullyQualifiedName")))
        for record in held.records.values()
        if held.value(record, "Active") is not False or record.id == chosen
    ]
    choices.sort(key=lambda choice: choice[1].casefold())
    return f'<label>Customer <select name="CustomerRef">{options(choices, chosen)}</select></label>'


def _sales_fields(company: Company, body: Body) -> str:
    items = company.table("Item")
    choices = [("", "")] + [(r.id, str(items.value(r, "Name"))) for r in items.records.values()]
    sales, discount, shipping = [], Decimal(0), Decimal(0)
    for line in body.get("Line", []):
        detail = line.get("SalesItemLineDetail")
        if line.get("DetailType") == "DiscountLineDetail":
            discount = total_of(line, "Amount")
        elif detail and detail["ItemRef"]["value"] == SHIPPING:
            shipping = total_of(line, "Amount")
        elif detail:
            sales.append(line)
    rows = ""
    for place in range(len(sales) + _SPARE_LINES):
        rows += _sales_row(place, sales[place] if place < len(sales) else {}, choices)
    tax = (body.get("TxnTaxDetail") or {}).get("TotalTax", "")
    due = _input("Due", "DueDate", body.get("DueDate"), "date")
    return (
        f"{due}<table><tr><th>Item<th>Description<th>Qty<th>Rate<th>Tax</tr>{rows}</table>"
        + _input("Discount", "discount", discount or "") + _input("Shipping", "shipping", shipping or "")
        + _input("Sales tax", "tax", tax or "")
    )  # fmt: skip


def _sales_row(place: int, line: Body, choices: list[tuple[str, str]]) -> str:
    detail: Body = line.get("SalesItemLineDetail", {})
    quantity = detail.get("Qty", 1 if line else "")
    price = detail.get("UnitPrice", line.get("Amount", ""))
    checked = " checked" if detail.get("TaxCodeRef", {}).get("value") == "TAX" else ""
    return (
        f'<tr><td>{_hidden(f"line{place}", line.get("Id", ""))}<select name="item{place}">'
        f"{options(choices, detail.get('ItemRef', {}).get('value', ''))}</select></td>"
        f'<td><input name="text{place}" value="{escape(line.get("Description", ""))}"></td>'
        f'<td><input name="qty{place}" value="{quantity}" size="6"></td>'
        f'<td><input name="price{place}" value="{price}" size="9"></td>'
        f'<td><input type="checkbox" name="tax{place}" value="1"{checked}></td></tr>'
    )


def _payment_fields(company: Company, body: Body) -> str:
    customer = body.get("CustomerRef", {}).get("value")
    applied: dict[tuple[str, str], Decimal] = {}
    for line in body.get("Line", []):
        for held in line.get("LinkedTxn", []):
            applied[(held["TxnType"], held["TxnId"])] = line["Amount"]
    rows = ""
    for kind in ("Invoice", "CreditMemo"):
        table = company.table(kind)
        records = table.named("CustomerRef", customer) if customer else list(table.records.values())[-200:]
        known = {record.id for record in records}
        records = list(records) + [
            table.records[i] for k, i in applied if k == kind and i not in known and i in table.records
        ]
        for record in records:
            balance, mine = table.value(record, "Balance") or Decimal(0), applied.get((kind, record.id))
            if balance or mine:
                owner = company.peek("Customer", str(table.value(record, "CustomerRef"))) or {}
                rows += (
                    f"<tr><td>{kind} {escape(str(table.value(record, 'DocNumber') or record.id))}</td>"
                    f"<td>{escape(owner.get('DisplayName', ''))}</td><td class=n>{balance:,.2f}</td>"
                    f'<td><input name="{kind}/{record.id}" value="{f"{mine:.2f}" if mine else ""}" size="9"></td></tr>'
                )
    return (
        _input("Amount received", "TotalAmt", body.get("TotalAmt"))
        + f"<table><tr><th>Applies to<th>Customer<th class=n>Open<th>Amount</tr>{rows}</table>"
    )


def _summary(kind: str, body: Body) -> str:
    """What the form comes to as it is saved, and what it is linked to."""
    if not body.get("Id"):
        return ""
    rows = [("Total", total_of(body, "TotalAmt"))]
    if kind == "Payment":
        rows.append(("Unapplied", total_of(body, "UnappliedAmt")))
    else:
        subtotal = next((x["Amount"] for x in body["Line"] if x["DetailType"] == "SubTotalLineDetail"), Decimal(0))
        rows = [("Subtotal", subtotal), *rows, ("Open", total_of(body, "Balance"))]
    cells = "".join(f"<tr><th>{label}<td class=n>{value:,.2f}</tr>" for label, value in rows)
    links = ", ".join(f"{held['TxnType']} #{held['TxnId']}" for held in body.get("LinkedTxn", []))
    return f"<table class=totals>{cells}</table>" + (f"<p>Linked to {escape(links)}</p>" if links else "")


def _input(label: str, name: str, value: object, kind: str = "text") -> str:
    shown = "" if value is None else f"{value:.2f}" if isinstance(value, Decimal) else escape(str(value))
    return f'<label>{label} <input type="{kind}" name="{name}" value="{shown}"></label>'


def _hidden(name: str, value: object) -> str:
    return "" if value is None else f'<input type="hidden" name="{name}" value="{escape(str(value))}">'
