"""What a request may contain: known properties, lengths and types (fact 8.4: 2010 to 2240).

A `Shape` is the list of properties that one of Intuit's classes has; a check takes a property's value and
returns it in the form in which it is kept. The empty string means "cleared" everywhere (fact 2.5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from . import faults
from .clock import parse_day
from .money import decimal_of, plain

Body = dict[str, Any]
Check = Callable[[Any, str], Any]
CLEARED = ""


class Shape:
    """The known properties of one class, with the check of each; None for read-only ones (fact 2.5)."""

    def __init__(self, java_class: str, fields: Mapping[str, Check | None]) -> None:
        self.java_class = java_class
        self.fields = dict(fields)

    def clean(self, body: Body) -> Body:
        """The writable part of a request; unknown properties are refused with 2010."""
        fields = self.fields
        kept: Body = {}
        for name, value in body.items():
            try:
                check = fields[name]
            except KeyError:
                raise faults.unsupported_property(name, self.java_class, list(fields)) from None
            if check is not None and value is not None:
                kept[name] = check(value, name)
        return kept

    def clean_inside(self, body: Any, element: str) -> Any:
        """The same for a part of an entity, where cleared properties simply go."""
        if body == CLEARED:
            return CLEARED
        if not isinstance(body, dict):
            raise faults.unparsable()
        return {name: value for name, value in self.clean(body).items() if value != CLEARED}


def text(limit: int, least: int = 0) -> Check:
    """A string of so many characters, else 2050."""

    def check(value: Any, element: str) -> Any:
        if not isinstance(value, str):
            if isinstance(value, (dict, list)):
                raise faults.unparsable()
            value = str(value).lower() if isinstance(value, bool) else str(value)
        if len(value) > limit or (value and len(value) < least):
            raise faults.bad_length(element, least, limit, len(value))
        return value

    return check


def name_text(limit: int) -> Check:
    """A name: no colon, tab or line break, else 2040 (fact 9.1)."""
    measured = text(limit)

    def check(value: Any, element: str) -> Any:
        value = measured(value, element).strip()
        if ":" in value or "\t" in value or "\n" in value or "\r" in value:
            raise faults.bad_characters(element)
        return value

    return check


def number(value: Any, element: str) -> Any:
    """A number, also as a string (the SDKs send both)."""
    if value == CLEARED:
        return CLEARED
    found = decimal_of(value)
    if found is None or abs(found) >= 10**15:
        raise faults.bad_number(element, value)
    return plain(found)


def boolean(value: Any, element: str) -> Any:
    """true or false, also as text."""
    if isinstance(value, bool) or value == CLEARED:
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise faults.bad_boolean(element, value)


def day(value: Any, element: str) -> Any:
    """A calendar date; a time behind it is cut off."""
    if value == CLEARED:
        return CLEARED
    found = parse_day(value) if isinstance(value, str) else None
    if found is None:
        raise faults.bad_date(element, value)
    return found.isoformat()


def one_of(*allowed: str) -> Check:
    """An enumeration, else 2170; letter case and underscores are forgiven (fact 9.4, EmailStatus)."""
    known = {value.lower(): value for value in allowed}

    def check(value: Any, element: str) -> Any:
        if value == CLEARED:
            return CLEARED
        found = known.get(str(value).lower()) or known.get(str(value).replace("_", "").lower())
        if found is None:
            raise faults.bad_enumeration(element, value)
        return found

    return check


_REF_FIELDS = ("value", "name", "type")


def ref(value: Any, element: str) -> Any:
    """A reference: only `value` counts on input (fact 9.0)."""
    if value == CLEARED:
        return CLEARED
    if isinstance(value, str):
        raise faults.unparsable()
    if not isinstance(value, dict):
        raise faults.unparsable()
    for name in value:
        if name not in _REF_FIELDS:
            raise faults.unsupported_property(name, "ReferenceType", list(_REF_FIELDS))
    target = value.get("value")
    if target is None or target == "":
        return CLEARED
    return {"value": str(target)}


def email(value: Any, element: str) -> Any:
    """`{"Address": …}` with an @ and a dot, else 2210; a comma separates several (fact 9.1)."""
    if value == CLEARED:
        return CLEARED
    if not isinstance(value, dict):
        raise faults.unparsable()
    address = text(100)(value.get("Address") or "", element)
    if not address:
        return CLEARED
    for part in address.split(","):
        user, at, host = part.strip().rpartition("@")
        if not user or not at or "." not in host or " " in part.strip():
            raise faults.bad_email(element, address)
    return {"Address": address}


def anything(value: Any, element: str) -> Any:
    """Kept as sent."""
    return value


def many(check: Check) -> Check:
    """An array."""

    def check_all(value: Any, element: str) -> Any:
        if value == CLEARED:
            return []
        if not isinstance(value, list):
            raise faults.unparsable()
        return [kept for entry in value if (kept := check(entry, element)) != CLEARED]

    return check_all


def part(java_class: str, fields: Mapping[str, Check | None]) -> Check:
    """An object inside an entity."""
    return Shape(java_class, fields).clean_inside


PHONE = part(
    "TelephoneNumber",
    {
        "FreeFormNumber": text(30),
        "Id": None,
        "DeviceType": text(30),
        "CountryCode": text(10),
        "AreaCode": text(10),
        "ExchangeCode": text(10),
        "Extension": text(10),
        "Default": boolean,
        "Tag": text(30),
    },
)
ADDRESS = part(
    "PhysicalAddress",
    {
        "Id": None,
        **{f"Line{n}": text(500) for n in range(1, 6)},
        "City": text(255),
        "Country": text(255),
        "CountryCode": text(30),
        "CountrySubDivisionCode": text(255),
        "PostalCode": text(30),
        "PostalCodeSuffix": text(30),
        "Lat": text(40),
        "Long": text(40),
        "Tag": text(40),
        "Note": text(1000),
    },
)


def web_address(value: Any, element: str) -> Any:
    """A web address, else 2200."""
    value = text(1000)(value, element)
    if value and (" " in value or "." not in value):
        raise faults.named("2200", "Malformed Website Address", f"Supplied value:{value}", element)
    return value


def custom_field_id(value: Any, element: str) -> Any:
    """One of the three custom fields of a sales form, else 3000 (fact 9.0)."""
    if str(value) not in ("", "1", "2", "3"):
        raise faults.named("3000", "Invalid Custom Field", f"Supplied value:{value}", element)
    return str(value)


WEB = part("WebSiteAddress", {"URI": web_address, "Id": None, "Default": boolean, "Tag": text(30)})
MEMO = part("MemoRef", {"value": text(1000), "name": None, "type": None})
CUSTOM_FIELDS = many(
    part(
        "CustomField",
        {
            "DefinitionId": custom_field_id,
            "Name": text(100),
            "Type": text(30),
            "StringValue": text(500),
            "BooleanValue": boolean,
            "DateValue": day,
            "NumberValue": number,
        },
    )
)

COMMON: dict[str, Check | None] = {
    "Id": None,
    "SyncToken": None,
    "domain": None,
    "sparse": None,
    "status": None,
    "MetaData": None,
    "AttachableRef": None,
    "CustomField": CUSTOM_FIELDS,
}
