"""Employee: like a vendor, it takes a name (fact 9.1)."""

from __future__ import annotations

from ..schema import ADDRESS, COMMON, PHONE, Body, Shape, boolean, day, email, name_text, number, text
from ..store import Column
from ..work import Work
from .kind import Options
from .names import NameKind


class Employee(NameKind):
    """An employee."""

    name = "Employee"
    shape = Shape(
        "Employee",
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
            "Organization": boolean,
            "SSN": text(100),
            "EmployeeNumber": text(100),
            "EmployeeType": text(30),
            "BillableTime": boolean,
            "BillRate": number,
            "CostRate": number,
            "BirthDate": day,
            "HiredDate": day,
            "ReleasedDate": day,
            "Gender": text(10),
            "UseTimeEntry": text(30),
            "PrimaryAddr": ADDRESS,
            "PrimaryPhone": PHONE,
            "Mobile": PHONE,
            "PrimaryEmailAddr": email,
            "EmailAddress": email,
            "V4IDPseudonym": None,
        },
    )
    columns = (
        Column("DisplayName", indexed=True),
        Column("GivenName"),
        Column("MiddleName"),
        Column("FamilyName"),
        Column("PrintOnCheckName"),
        Column("Active", "bool"),
    )

    def finish(self, work: Work, old: Body | None, new: Body, options: Options) -> Body:
        self.settle_names(work, old, new)
        new.setdefault("BillableTime", False)
        return new
