"""The lines of a sales form, and their arithmetic (facts 9.4, 9.7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from .. import faults
from ..money import ZERO, cents, decimal_of, money, plain
from ..schema import Body, Check, anything, boolean, day, number, one_of, part, ref, text
from ..work import Work, inactive
from .item import GRATUITY, SHIPPING

DESCRIPTION_LIMIT = 4000
_HUNDRED = Decimal(100)
_LARGEST = Decimal(10) ** 15

_ITEM_DETAIL: dict[str, Check | None] = {
    "ItemRef": ref,
    "ClassRef": ref,
    "UnitPrice": number,
    "RatePercent": number,
    "PriceLevelRef": ref,
    "MarkupInfo": anything,
    "Qty": number,
    "UOMRef": ref,
    "ItemAccountRef": ref,
    "InventorySiteRef": ref,
    "TaxCodeRef": ref,
    "ServiceDate": day,
    "TaxInclusiveAmt": number,
    "DiscountRate": number,
    "DiscountAmt": number,
    "TaxClassificationRef": ref,
    "CustomerRef": ref,
    "BillableStatus": text(30),
    "DeferredRevenue": boolean,
    "ServiceDateRange": anything,
}
LINE = part(
    "Line",
    {
        "Id": anything,
        "LineNum": number,
        "Description": text(DESCRIPTION_LIMIT),
        "Amount": number,
        "Received": None,
        "LinkedTxn": anything,
        "CustomField": anything,
        "CustomExtensions": anything,
        "DetailType": one_of(
            "SalesItemLineDetail",
            "DiscountLineDetail",
            "SubTotalLineDetail",
            "DescriptionOnly",
            "DescriptionLineDetail",
            "GroupLineDetail",
            "TaxLineDetail",
        ),
        "SalesItemLineDetail": part("SalesItemLineDetail", _ITEM_DETAIL),
        "DiscountLineDetail": part(
            "DiscountLineDetail",
            {
                "Discount": anything,
                "DiscountRef": ref,
                "PercentBased": boolean,
                "DiscountPercent": number,
                "DiscountAccountRef": ref,
                "ServiceDate": day,
                "ClassRef": ref,
                "TaxCodeRef": ref,
            },
        ),
        "SubTotalLineDetail": anything,
        "SubtotalLineDetail": anything,
        "DescriptionLineDetail": part("DescriptionLineDetail", {"ServiceDate": day, "TaxCodeRef": ref}),
        "GroupLineDetail": anything,
        "TaxLineDetail": anything,
    },
)


@dataclass(slots=True)
class Lines:
    """What the lines of a form come to."""

    items: list[Body] = field(default_factory=list)
    discount_line: Body | None = None
    shipping_line: Body | None = None
    subtotal: Decimal = ZERO
    taxable: Decimal = ZERO
    discount: Decimal = ZERO
    shipping: Decimal = ZERO

    def as_sent_back(self) -> list[Body]:
        """Items, subtotal, discount, shipping: the order of Intuit's answers."""
        tail: list[Body] = [
            {"Amount": money(self.subtotal), "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}}
        ]
        if self.discount_line is not None:
            tail.append(self.discount_line)
        if self.shipping_line is not None:
            tail.append(self.shipping_line)
        return self.items + tail


def build(work: Work, sent: list[Body], held: list[Body]) -> Lines:
    """Check the lines of a request and compute the form's parts; `held` are the lines of the version before."""
    lines = Lines()
    held_ids = {line["Id"] for line in held if "Id" in line}
    held_items = {line["SalesItemLineDetail"]["ItemRef"]["value"] for line in held if line.get("SalesItemLineDetail")}
    used = [int(line["Id"]) for line in sent if str(line.get("Id", "")) in held_ids]
    next_id = max([int(i) for i in held_ids] + used, default=0) + 1 if used else 1
    discounts: list[Body] = []
    running = ZERO
    for line in sent:
        kind = line.get("DetailType")
        if not kind:
            raise faults.missing("DetailType")
        if kind in ("SubTotalLineDetail", "TaxLineDetail"):
            continue
        if kind == "DiscountLineDetail":
            discounts.append(line)
            continue
        if kind == "SalesItemLineDetail":
            new = _item_line(work, line, held_items)
            detail = new["SalesItemLineDetail"]
            if detail["ItemRef"]["value"] == SHIPPING:
                _take_shipping(work, lines, new)
                continue
            amount: Decimal = new["Amount"]
            running += amount
            lines.subtotal += amount
            if detail["TaxCodeRef"]["value"] == "TAX":
                lines.taxable += amount
        elif kind == "GroupLineDetail":
            raise faults.unsupported("create with GroupLineDetail")
        else:
            new = _description_line(line, running)
            running = ZERO if new.get("Description", "").startswith("Subtotal:") else running
        line_id = str(line.get("Id", ""))
        if line_id not in held_ids:
            line_id, next_id = str(next_id), next_id + 1
        new["Id"], new["LineNum"] = line_id, len(lines.items) + 1
        lines.items.append(new)
    _take_discount(work, lines, discounts)
    return lines


def _item_line(work: Work, line: Body, held_items: set[str]) -> Body:
    detail: Body = dict(line.get("SalesItemLineDetail") or {})
    _settle_item(work, detail, held_items)
    code = detail.get("TaxCodeRef", {}).get("value", "NON")
    if code.upper() not in ("TAX", "NON"):
        raise faults.named("6100", "Invalid Line TaxCode in the request", f"Supplied value:{code}", "TaxCodeRef")
    detail["TaxCodeRef"] = {"value": code.upper()}
    amount = _amount(line, detail)
    if detail.get("ServiceDate") == "":
        del detail["ServiceDate"]
    if not detail.get("TaxInclusiveAmt"):
        detail.pop("TaxInclusiveAmt", None)
    new: Body = {"Amount": money(amount), "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": detail}
    if line.get("Description"):
        new["Description"] = line["Description"]
    return new


def _settle_item(work: Work, detail: Body, held_items: set[str]) -> None:
    held = detail.get("ItemRef")
    if held is None:
        # Documentation calls such a line a comment; in practice the default item stands in (fact 9.4, R).
        held = {"value": str(work.preferences.get("SalesFormsPrefs", {}).get("DefaultItem", "1"))}
    if held["value"] in (SHIPPING, GRATUITY):
        detail["ItemRef"] = {"value": held["value"]}
        return
    item = work.look("Item", held["value"])
    if item is None:
        raise faults.bad_reference("Items", held["value"])
    if item.get("Active") is False and held["value"] not in held_items:
        raise inactive(work, "items")
    if item["Type"] == "Category":
        raise faults.business("You can't use a category on a sales form.")
    detail["ItemRef"] = {"value": held["value"], "name": item["FullyQualifiedName"]}
    account = item.get("IncomeAccountRef")
    if account is not None:
        detail["ItemAccountRef"] = account


def _amount(line: Body, detail: Body) -> Decimal:
    amount, quantity, price = line.get("Amount"), detail.get("Qty"), detail.get("UnitPrice")
    if not quantity and not price:
        # The SDKs send 0 and 0 when they mean neither.
        detail.pop("Qty", None)
        detail.pop("UnitPrice", None)
        if amount is None:
            raise faults.missing("Amount")
        return cents(amount)
    if quantity is None or price is None:
        if amount is None:
            raise faults.missing("Amount")
        return cents(amount)
    if abs(quantity * price) >= _LARGEST:
        raise faults.named("2140", "Invalid Amount", f"Supplied value:{quantity * price}", "Line.Amount")
    product = cents(quantity * price)
    if amount is not None and cents(amount) != product:
        raise faults.wrong_amount(f"{amount:,}")
    return product


def _description_line(line: Body, running: Decimal) -> Body:
    new: Body = {"DetailType": "DescriptionOnly", "DescriptionLineDetail": line.get("DescriptionLineDetail") or {}}
    wording = line.get("Description", "")
    if wording.startswith("Subtotal:"):
        wording = f"Subtotal: {cents(running)}"
    if wording:
        new["Description"] = wording
    return new


def _take_shipping(work: Work, lines: Lines, new: Body) -> None:
    prefs = work.preferences.get("SalesFormsPrefs", {})
    if not prefs.get("AllowShipping"):
        if work.switch("shipping_off") == "drop":
            return
        raise faults.business("Shipping is turned off for this company.")
    if lines.shipping_line is not None:
        raise faults.business("Only one shipping line is allowed.")
    if new["Amount"] < 0:
        raise faults.named("2290", "Negative amounts", "Shipping can't be negative.", "Line.Amount")
    detail = new["SalesItemLineDetail"]
    for name in ("Qty", "UnitPrice", "ItemAccountRef"):
        detail.pop(name, None)
    account = work.look("Account", str(prefs.get("DefaultShippingAccount", "")))
    if account is not None:
        detail["ItemAccountRef"] = {"value": account["Id"], "name": account["Name"]}
    lines.shipping_line, lines.shipping = new, new["Amount"]


def _take_discount(work: Work, lines: Lines, sent: list[Body]) -> None:
    if not sent:
        return
    if len(sent) > 1:
        # trap 32: not a validation fault but a system failure
        raise faults.system_failure()
    prefs = work.preferences.get("SalesFormsPrefs", {})
    if not prefs.get("AllowDiscount"):
        if work.switch("discount_off") == "drop":
            return
        raise faults.business("Discounts are turned off for this company.")
    detail = dict(sent[0].get("DiscountLineDetail") or {})
    amount, percent = _discount_amount(sent[0].get("Amount"), detail, lines.subtotal)
    if amount > lines.subtotal:
        raise faults.business("The discount amount can't be greater than the subtotal.")
    kept: Body = {"PercentBased": percent is not None}
    if percent is not None:
        kept["DiscountPercent"] = plain(percent)
    kept["DiscountAccountRef"] = _discount_account(work, detail, prefs)
    if detail.get("ClassRef"):
        kept["ClassRef"] = detail["ClassRef"]
    lines.discount = amount
    lines.discount_line = {
        "Amount": money(amount),
        "DetailType": "DiscountLineDetail",
        "DiscountLineDetail": kept,
    }


def _discount_amount(amount: Any, detail: Body, subtotal: Decimal) -> tuple[Decimal, Decimal | None]:
    percent = decimal_of(detail.get("DiscountPercent"))
    if amount is not None and amount < 0:
        raise faults.named("2290", "Negative amounts", "A discount can't be negative.", "Line.Amount")
    if percent is not None and not 0 <= percent <= _HUNDRED:
        raise faults.named("2150", "Invalid Percent", f"Supplied value:{percent}", "DiscountPercent")
    if percent is not None:
        product = cents(subtotal * percent / _HUNDRED)
        if amount is not None and cents(amount) != product:
            # trap 30: also an amount with DiscountPercent 0
            raise faults.business(
                "You can't set both an amount and a discount percentage if the amount is not the sum of the "
                "discount percentage and the subtotal."
            )
        return product, percent
    if amount is None or detail.get("PercentBased"):
        raise faults.named(
            "6090", "Discount Line missing required info", "A discount needs an amount or a percentage.", "Line"
        )
    return cents(amount), None


def _discount_account(work: Work, detail: Body, prefs: Body) -> Body:
    wanted = detail.get("DiscountAccountRef", {}).get("value")
    account = work.look("Account", str(wanted or prefs.get("DefaultDiscountAccount", "")))
    if account is None:
        if wanted is None:
            return {}
        raise faults.bad_reference("Accounts", wanted)
    if account.get("Active") is False:
        raise inactive(work, "accounts")
    if account["AccountType"] != "Income" or account["AccountSubType"] != "DiscountsRefundsGiven":
        raise faults.named(
            "6430", "Invalid account type used", "A discount account must be of subtype DiscountsRefundsGiven."
        )
    return {"value": account["Id"], "name": account["Name"]}
