"""JournalEntry, Bill and Attachable: generic but honest (issue 3)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from .. import faults
from ..money import ZERO, decimal_of, money
from ..schema import CLEARED, COMMON, Body, Check, Shape, anything, boolean, day, many, number, part, ref, text
from ..store import Column
from ..work import Work, reference
from .kind import Kind, Options, total_of
from .registry import find
from .sales_form import LINKED_TXN, check_open_period

_LINE: dict[str, Check | None] = {
    "Id": anything,
    "LineNum": anything,
    "Description": text(4000),
    "Amount": number,
    "DetailType": text(50),
    "LinkedTxn": LINKED_TXN,
    "CustomField": anything,
    "ProjectRef": ref,
}
_COST: dict[str, Check | None] = {
    "AccountRef": ref,
    "ItemRef": ref,
    "ClassRef": ref,
    "CustomerRef": ref,
    "PriceLevelRef": ref,
    "MarkupInfo": anything,
    "Qty": number,
    "UnitPrice": number,
    "TaxCodeRef": ref,
    "TaxAmount": number,
    "TaxInclusiveAmt": number,
    "BillableStatus": text(30),
}
_POSTING: dict[str, Check | None] = {
    "PostingType": text(10),
    "Entity": anything,
    "AccountRef": ref,
    "ClassRef": ref,
    "DepartmentRef": ref,
    "TaxCodeRef": ref,
    "TaxRateRef": ref,
    "TaxApplicableOn": text(20),
    "TaxAmount": number,
    "TaxInclusiveAmt": number,
    "BillableStatus": text(30),
    "JournalCodeRef": ref,
}
_TXN: dict[str, Check | None] = COMMON | {
    "TxnDate": day,
    "DocNumber": text(21),
    "PrivateNote": text(4000),
    "CurrencyRef": ref,
    "ExchangeRate": number,
    "GlobalTaxCalculation": anything,
    "TxnTaxDetail": anything,
    "DepartmentRef": ref,
    "TransactionLocationType": text(50),
    "LinkedTxn": anything,
    "RecurDataRef": anything,
    "TotalAmt": None,
    "HomeTotalAmt": None,
}


class _LedgerTxn(Kind):
    family: ClassVar[str] = "Transaction"
    transaction = True
    columns = (
        Column("DocNumber", indexed=True),
        Column("TxnDate", "date", indexed=True),
        Column("TotalAmt", "number"),
        Column("VendorRef", "ref"),
        Column("Balance", "number"),
        Column("DueDate", "date"),
    )

    def finish(self, work: Work, old: Body | None, new: Body, options: Options) -> Body:
        if not new.get("Line"):
            raise faults.missing("Line")
        new.setdefault("TxnDate", (old or {}).get("TxnDate") or work.stamp[:10])
        check_open_period(work, old, new)
        for place, line in enumerate(new["Line"], 1):
            if line.get("Amount") is None:
                raise faults.missing("Amount")
            if not line.get("DetailType"):
                raise faults.missing("DetailType")
            line["Id"], line["LineNum"], line["Amount"] = str(place), place, money(line["Amount"])
            self._check_account(work, line.get(line["DetailType"]))
        return new

    def _check_account(self, work: Work, detail: Any) -> None:
        if isinstance(detail, dict):
            if not detail.get("AccountRef") and not detail.get("ItemRef"):
                raise faults.named(
                    "6440", "Transaction Detail Information Required", "A line with an amount needs an account or item."
                )
            reference(work, None, detail, "AccountRef", "Account", "Accounts", "accounts", "Name")

    def check_delete(self, work: Work, old: Body) -> None:
        check_open_period(work, old, old)


class JournalEntry(_LedgerTxn):
    """Debits equal credits."""

    name = "JournalEntry"
    shape = Shape(
        "JournalEntry",
        _TXN
        | {
            "Adjustment": boolean,
            "Line": many(
                part(
                    "Line",
                    _LINE
                    | {
                        "JournalEntryLineDetail": part("JournalEntryLineDetail", _POSTING),
                        "DescriptionLineDetail": anything,
                    },
                )
            ),
        },
    )

    def finish(self, work: Work, old: Body | None, new: Body, options: Options) -> Body:
        super().finish(work, old, new, options)
        sides = {"Debit": ZERO, "Credit": ZERO}
        for line in new["Line"]:
            detail = line.get("JournalEntryLineDetail")
            if detail is None:
                continue
            if detail.get("PostingType") not in sides:
                raise faults.bad_enumeration("PostingType", detail.get("PostingType"))
            sides[detail["PostingType"]] += line["Amount"]
        if sides["Debit"] != sides["Credit"]:
            raise faults.business("Debits and credits must be equal.")
        new["TotalAmt"] = money(sides["Debit"])
        new.setdefault("Adjustment", False)
        return new

    def owes(self, body: Body) -> tuple[str, Decimal] | None:
        """What its lines on Accounts Receivable add to the balance of the customer of the first of them."""
        owed: dict[str, Decimal] = {}
        for line in body["Line"]:
            detail = line.get("JournalEntryLineDetail") or {}
            entity, account = detail.get("Entity") or {}, detail.get("AccountRef") or {}
            if entity.get("Type") == "Customer" and str(account.get("name")).startswith("Accounts Receivable"):
                customer = entity["EntityRef"]["value"]
                sign = 1 if detail["PostingType"] == "Debit" else -1
                owed[customer] = owed.get(customer, ZERO) + sign * total_of(line, "Amount")
        return next(iter(owed.items()), None)


class Bill(_LedgerTxn):
    """What a vendor is owed."""

    name = "Bill"
    shape = Shape(
        "Bill",
        _TXN
        | {
            "VendorRef": ref,
            "VendorAddr": anything,
            "APAccountRef": ref,
            "SalesTermRef": ref,
            "DueDate": day,
            "Balance": None,
            "Line": many(
                part(
                    "Line",
                    _LINE
                    | {
                        "AccountBasedExpenseLineDetail": part("AccountBasedExpenseLineDetail", _COST),
                        "ItemBasedExpenseLineDetail": part("ItemBasedExpenseLineDetail", _COST),
                    },
                )
            ),
        },
    )

    def update(self, work: Work, body: Body, options: Options) -> Body:
        if not body.get("VendorRef"):
            raise faults.missing("VendorRef")
        return super().update(work, body, options)

    def finish(self, work: Work, old: Body | None, new: Body, options: Options) -> Body:
        if reference(work, old, new, "VendorRef", "Vendor", "Names", "vendors") is None:
            raise faults.missing("VendorRef")
        super().finish(work, old, new, options)
        total = sum((line["Amount"] for line in new["Line"]), ZERO)
        new["TotalAmt"] = new["Balance"] = money(total)
        new.setdefault("DueDate", new["TxnDate"])
        return new


def _entity_ref(value: Any, element: str) -> Any:
    """A reference that says what it refers to."""
    held = ref(value, element)
    if held == CLEARED:
        return CLEARED
    kind = find(str(value.get("type") or ""))
    if kind is None:
        raise faults.bad_enumeration("type", value.get("type"))
    return held | {"type": kind.name}


class Attachable(Kind):
    """A note or file attached to something."""

    name = "Attachable"
    family = "Attachable"
    transaction = True
    columns = (Column("FileName", indexed=True), Column("Note", filterable=False, sortable=False))
    shape = Shape(
        "Attachable",
        COMMON
        | {
            "AttachableRef": many(
                part(
                    "AttachableRef",
                    {
                        "EntityRef": _entity_ref,
                        "LineInfo": anything,
                        "IncludeOnSend": boolean,
                        "Inactive": boolean,
                        "NoRefOnly": boolean,
                        "CustomField": anything,
                        "Ref": anything,
                    },
                )
            ),
            "FileName": text(1000),
            "Note": text(2000),
            "FileAccessUri": None,
            "TempDownloadUri": None,
            "Size": number,
            "ContentType": text(100),
            "Category": text(100),
            "Lat": text(100),
            "Long": text(100),
            "PlaceName": text(2000),
            "Tag": text(2000),
            "ThumbnailFileAccessUri": None,
            "ThumbnailTempDownloadUri": None,
        },
    )

    def finish(self, work: Work, old: Body | None, new: Body, options: Options) -> Body:
        if not new.get("FileName") and not new.get("Note"):
            raise faults.missing("FileName")
        for held in new.get("AttachableRef", []):
            target = held.get("EntityRef")
            if target and work.look(target["type"], target["value"]) is None:
                raise faults.deleted_transaction()
        if decimal_of(new.get("Size")) is not None:
            new["FileAccessUri"] = f"/v3/company/{work.company.realm}/download/{new.get('FileName')}"
        return new
