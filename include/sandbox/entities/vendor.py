"""Vendor: it matters here because its name is taken for customers too (fact 9.1, trap 42)."""

from __future__ import annotations

from ..money import ZERO
from ..schema import ADDRESS, COMMON, PHONE, WEB, Body, Shape, boolean, email, name_text, number, ref, text
from ..store import Column
from ..work import Work, reference
from .kind import Options
from .names import NameKind


class Vendor(NameKind):
    """A vendor."""

    name = "Vendor"
    shape = Shape(
        "Vendor",
        COMMON
        | {
            "DisplayName": name_text(500),
            "Title": name_text(16),
            "GivenName": name_text(100),
            "MiddleName": name_text(100),
            "FamilyName": name_text(100),
            "Suffix": name_text(16),
            "CompanyName": text(100),
            "PrintOnCheckName": text(110),
            "Active": boolean,
            "Balance": None,
            "BillRate": number,
            "CostRate": number,
            "AcctNum": text(100),
            "TaxIdentifier": text(20),
            "BusinessNumber": text(30),
            "GSTIN": text(15),
            "GSTRegistrationType": text(15),
            "Vendor1099": boolean,
            "T4AEligible": boolean,
            "T5018Eligible": boolean,
            "HasTPAR": boolean,
            "TaxReportingBasis": text(20),
            "PrimaryEmailAddr": email,
            "PrimaryPhone": PHONE,
            "AlternatePhone": PHONE,
            "Mobile": PHONE,
            "Fax": PHONE,
            "WebAddr": WEB,
            "BillAddr": ADDRESS,
            "OtherContactInfo": None,
            "TermRef": ref,
            "APAccountRef": ref,
            "CurrencyRef": ref,
            "Notes": text(4000),
            "Source": text(30),
            "V4IDPseudonym": None,
        },
    )
    columns = (
        Column("DisplayName", indexed=True),
        Column("GivenName"),
        Column("MiddleName"),
        Column("FamilyName"),
        Column("CompanyName"),
        Column("PrintOnCheckName"),
        Column("Active", "bool"),
        Column("Balance", "number"),
    )

    def finish(self, work: Work, old: Body | None, new: Body, options: Options) -> Body:
        self.settle_names(work, old, new)
        reference(work, old, new, "TermRef", "Term", "Terms", "terms", "Name")
        new["Balance"] = ZERO
        new.setdefault("Vendor1099", False)
        new.setdefault("CurrencyRef", {"value": "USD", "name": "United States Dollar"})
        return new
