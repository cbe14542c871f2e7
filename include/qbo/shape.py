"""What a record of QuickBooks must look like before anything is made of it: the fields that the sync reads.

An answer that is no JSON at all is a lost answer (client.py). One record in it that cannot be what QuickBooks means is
that record's trouble, and no other's.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

#: No amount has so many dollars, and no line so many pieces. Quantity times price is exact with less.
_TOO_MUCH = 10**12

#: What must be there, beside the id.
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "Invoice": ("SyncToken", "TxnDate", "CustomerRef", "TotalAmt", "MetaData"),
    "CreditMemo": ("SyncToken", "TxnDate", "CustomerRef", "TotalAmt", "MetaData"),
    "Payment": ("SyncToken", "TxnDate", "CustomerRef", "TotalAmt", "MetaData"),
    "Customer": ("SyncToken", "DisplayName"),
    "Vendor": ("SyncToken", "DisplayName"),
    "Employee": ("SyncToken", "DisplayName"),
    "Item": ("SyncToken", "Name"),
    "Account": ("Name",),
    "PaymentMethod": ("Name",),
}


def flaw(resource: str, body: Any) -> str | None:
    """What is wrong with a record, as “TotalAmt is not a number”; None: nothing. A notice of deletion has no fields."""
    if not isinstance(body, Mapping):
        return "it is no record"
    if not is_id(body.get("Id")):
        return "its ID is not a number"
    missing = [name for name in _REQUIRED.get(resource, ()) if body.get(name) is None]
    if missing and body.get("status") != "Deleted":
        return f"{missing[0]} is missing"
    wrong = _flaw_in(body)
    if wrong is None and "MetaData" in _REQUIRED.get(resource, ()) and body.get("status") != "Deleted":
        wrong = None if body["MetaData"].get("CreateTime") else "CreateTime is missing"
    return wrong or (_flaw_in_lines(body) if resource in ("Invoice", "CreditMemo") else None)


def is_id(value: Any) -> bool:
    """An id or a SyncToken, which QuickBooks writes as text."""
    return isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 30


def _flaw_in(body: Mapping[str, Any]) -> str | None:
    for name, value in body.items():
        rule = _RULES.get(name)
        if rule is None or value is None:
            continue
        fits, what = rule
        if not fits(value):
            return f"{name} is not {what}"
        inner = value if isinstance(value, list) else [value] if isinstance(value, Mapping) else []
        for one in inner:
            found = _flaw_in(one)
            if found:
                return found
    return None


def _flaw_in_lines(body: Mapping[str, Any]) -> str | None:
    for line in body.get("Line") or ():
        kind = line.get("DetailType")
        if kind is None:
            return "the type of a line is missing"
        if kind == "SalesItemLineDetail" and line.get(kind) is None:
            return "the product of a line is missing"
        if kind == "GroupLineDetail":
            found = _flaw_in_lines(line.get(kind) or {})
            if found:
                return found
    return None


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping)


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, Mapping) for one in value)


def _is_reference(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("value"), str)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return False
    number = Decimal(value)
    return number.is_finite() and abs(number) < _TOO_MUCH


def _is_day(value: Any) -> bool:
    return isinstance(value, str) and _reads(date.fromisoformat, value)


def is_moment(value: Any) -> bool:
    """A time as QuickBooks writes it, with its offset: without one nobody knows which moment it is."""
    return isinstance(value, str) and _reads(_aware, value)


def _aware(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.utcoffset() is None:
        raise ValueError(f"no offset: {text}")
    return moment


def _reads(read: Callable[[str], Any], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


_TEXT, _NUMBER = (_is_text, "text"), (_is_number, "a number")
_OBJECT, _OBJECTS = (_is_object, "an object"), (_are_objects, "a list of objects")
_REFERENCE = (_is_reference, "a reference")
_DAY, _MOMENT = (_is_day, "a date"), (is_moment, "a time")

_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "SyncToken": (is_id, "a number"),
    **dict.fromkeys(("DocNumber", "PaymentRefNum", "PrivateNote", "Description", "DetailType", "status"), _TEXT),
    **dict.fromkeys(("DisplayName", "Name", "FullyQualifiedName", "Type", "TxnId", "TxnType"), _TEXT),
    **dict.fromkeys(("Amount", "Qty", "UnitPrice", "TotalAmt", "Balance", "UnappliedAmt", "TotalTax"), _NUMBER),
    **dict.fromkeys(("CustomerRef", "ItemRef", "ParentRef", "CurrencyRef", "PaymentMethodRef"), _REFERENCE),
    **dict.fromkeys(("SalesItemLineDetail", "DiscountLineDetail", "GroupLineDetail", "TxnTaxDetail"), _OBJECT),
    **dict.fromkeys(("MetaData", "PrimaryEmailAddr", "PrimaryPhone"), _OBJECT),
    **dict.fromkeys(("Line", "LinkedTxn"), _OBJECTS),
    **dict.fromkeys(("TxnDate", "DueDate"), _DAY),
    **dict.fromkeys(("CreateTime", "LastUpdatedTime"), _MOMENT),
}
