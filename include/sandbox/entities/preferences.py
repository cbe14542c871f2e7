"""Preferences and CompanyInfo: one of each per company (facts 1.7, 9.8)."""

from __future__ import annotations

from typing import Any

from ..schema import COMMON, Body, Shape, anything, text
from ..store import Column
from ..work import Work
from .kind import Kind, Options

_GROUPS = (
    "AccountingInfoPrefs",
    "ProductAndServicesPrefs",
    "SalesFormsPrefs",
    "EmailMessagesPrefs",
    "VendorAndPurchasesPrefs",
    "TimeTrackingPrefs",
    "TaxPrefs",
    "CurrencyPrefs",
    "ReportPrefs",
    "OtherPrefs",
)
# An API update answers success and changes none of these (fact 9.8, trap 17).
_READ_ONLY = (
    ("SalesFormsPrefs", "AutoApplyCredit"),
    ("SalesFormsPrefs", "AutoApplyPayments"),
    ("AccountingInfoPrefs", "BookCloseDate"),
)


def merge(into: Body, changes: Body) -> Body:
    """`changes` laid over `into`, group by group; null takes a setting away."""
    merged = dict(into)
    for name, value in changes.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict) and isinstance(merged.get(name), dict):
            merged[name] = merge(merged[name], value)
        else:
            merged[name] = value
    return merged


class Preferences(Kind):
    """The company's settings."""

    name = "Preferences"
    family = "Preferences"
    in_cdc = False
    creatable = False
    shape = Shape("Preferences", COMMON | dict.fromkeys(_GROUPS, anything))

    def finish(self, work: Work, old: Body | None, new: Body, options: Options) -> Body:
        merged = merge(old or {}, {name: value for name, value in new.items() if name in _GROUPS})
        for group, name in _READ_ONLY:
            held = (old or {}).get(group, {})
            if name in held:
                merged.setdefault(group, {})[name] = held[name]
            else:
                merged.get(group, {}).pop(name, None)
        return merged


class CompanyInfo(Kind):
    """The company's own data; its Id is "1" whatever the realm (fact 1.7)."""

    name = "CompanyInfo"
    family = "CompanyInfo"
    in_cdc = False
    creatable = False
    columns = (Column("CompanyName"),)
    shape = Shape(
        "CompanyInfo",
        COMMON
        | {
            "CompanyName": text(1024),
            "LegalName": text(1024),
            "CompanyAddr": anything,
            "CustomerCommunicationAddr": anything,
            "LegalAddr": anything,
            "PrimaryPhone": anything,
            "Email": anything,
            "CustomerCommunicationEmailAddr": anything,
            "WebAddr": anything,
            "CompanyStartDate": None,
            "FiscalYearStartMonth": anything,
            "Country": anything,
            "SupportedLanguages": anything,
            "NameValue": None,
            "EmployerId": anything,
            "DefaultTimeZone": anything,
        },
    )

    def finish(self, work: Work, old: Body | None, new: Body, options: Options) -> Body:
        merged = merge(old or {}, new)
        if merged.get("CompanyName"):
            work.company.name = merged["CompanyName"]
        return merged


def change_preferences(work: Work, kind: Kind, changes: dict[str, Any]) -> Body:
    """What only the web page can do at Intuit's: any setting, the closing date and automation too."""
    old = work.read(kind.name, "1") or {}
    merged = merge(old, {name: value for name, value in changes.items() if name in _GROUPS})
    return work.save(kind, merged)
