"""Entities outside receivables: stored, versioned, queryable, validated for what they require (issue 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from .. import faults
from ..schema import COMMON, Body, Shape, anything, boolean, name_text, number, one_of, ref, text
from ..store import Column
from ..work import Work, reference
from .kind import Kind, Options


class ListKind(Kind):
    """A named list: the name is unique, nothing is deleted, Active false hides it."""

    required: ClassVar[tuple[str, ...]] = ("Name",)
    columns: ClassVar[tuple[Column, ...]] = (Column("Name", indexed=True), Column("Active", "bool"))
    defaults: ClassVar[Mapping[str, Any]] = {}
    parent_flag: ClassVar[str | None] = None

    def finish(self, work: Work, old: Body | None, new: Body, options: Options) -> Body:
        for field in self.required:
            if field not in new:
                raise faults.missing(field)
        new.setdefault("Active", True)
        for name, value in self.defaults.items():
            new.setdefault(name, value)
        if self.parent_flag is not None:
            self._settle_parent(work, old, new)
        column = "FullyQualifiedName" if self.parent_flag is not None else "Name"
        for other in work.company.table(self.name).named(column, str(new[column])):
            if other.id != (old or {}).get("Id"):
                raise faults.duplicate_name(other.id).with_detail(
                    f"The name supplied already exists. : Another {self.name.lower()} is already using this name. "
                    f"Please use a different name. Id={other.id}"
                )
        return new

    def _settle_parent(self, work: Work, old: Body | None, new: Body) -> None:
        parent = reference(work, old, new, "ParentRef", self.name, f"{self.name}s", "parents", "Name")
        new[str(self.parent_flag)] = parent is not None
        new["FullyQualifiedName"] = f"{parent['FullyQualifiedName']}:{new['Name']}" if parent else new["Name"]


class Term(ListKind):
    """When an invoice is due (fact 9.10)."""

    name = family = "Term"
    defaults: ClassVar[Mapping[str, Any]] = {"Type": "STANDARD"}
    shape = Shape(
        "Term",
        COMMON
        | {
            "Name": name_text(31),
            "Active": boolean,
            "Type": text(30),
            "DiscountPercent": number,
            "DueDays": number,
            "DiscountDays": number,
            "DayOfMonthDue": number,
            "DueNextMonthDays": number,
            "DiscountDayOfMonth": number,
            "SalesTermName": text(31),
        },
    )

    def finish(self, work: Work, old: Body | None, new: Body, options: Options) -> Body:
        if "DueDays" not in new and "DayOfMonthDue" not in new:
            raise faults.missing("DueDays")
        return super().finish(work, old, new, options)


class PaymentMethod(ListKind):
    """How a customer pays."""

    name = family = "PaymentMethod"
    defaults: ClassVar[Mapping[str, Any]] = {"Type": "NON_CREDIT_CARD"}
    shape = Shape(
        "PaymentMethod",
        COMMON | {"Name": name_text(31), "Active": boolean, "Type": one_of("CREDIT_CARD", "NON_CREDIT_CARD")},
    )
    columns = (Column("Name", indexed=True), Column("Active", "bool"), Column("Type"))


class _Tree(ListKind):
    columns = (
        Column("Name", indexed=True),
        Column("Active", "bool"),
        Column("FullyQualifiedName", indexed=True),
    )


class Department(_Tree):
    """A location."""

    name = family = "Department"
    parent_flag = "SubDepartment"
    shape = Shape(
        "Department",
        COMMON
        | {
            "Name": name_text(100),
            "Active": boolean,
            "SubDepartment": boolean,
            "ParentRef": ref,
            "FullyQualifiedName": None,
            "Address": anything,
        },
    )


class Class(_Tree):
    """A class for reports."""

    name = family = "Class"
    parent_flag = "SubClass"
    shape = Shape(
        "Class",
        COMMON
        | {
            "Name": name_text(100),
            "Active": boolean,
            "SubClass": boolean,
            "ParentRef": ref,
            "FullyQualifiedName": None,
        },
    )


class TaxAgency(ListKind):
    """Whom sales tax is paid to; not in change data capture (fact 5)."""

    name = family = "TaxAgency"
    in_cdc = False
    required = ("DisplayName",)
    columns = (Column("DisplayName", indexed=True),)
    shape = Shape(
        "TaxAgency",
        COMMON
        | {
            "DisplayName": text(100),
            "TaxTrackedOnSales": boolean,
            "TaxTrackedOnPurchases": boolean,
            "TaxRegistrationNumber": text(50),
            "LastFileDate": anything,
            "TaxAgencyConfig": anything,
        },
    )

    def finish(self, work: Work, old: Body | None, new: Body, options: Options) -> Body:
        if "DisplayName" not in new:
            raise faults.missing("DisplayName")
        new.setdefault("TaxTrackedOnSales", True)
        new.setdefault("TaxTrackedOnPurchases", False)
        return new


class TaxCode(ListKind):
    """Read-only through this entity; made by the tax service (TaxService), which the sandbox has not."""

    name = family = "TaxCode"
    in_cdc = False
    creatable = False
    shape = Shape(
        "TaxCode",
        COMMON
        | {
            "Name": text(100),
            "Description": text(100),
            "Active": boolean,
            "Hidden": boolean,
            "Taxable": boolean,
            "TaxGroup": boolean,
            "SalesTaxRateList": anything,
            "PurchaseTaxRateList": anything,
            "TaxCodeConfigType": text(30),
        },
    )


class TaxRate(ListKind):
    """Read-only, as TaxCode."""

    name = family = "TaxRate"
    in_cdc = False
    creatable = False
    shape = Shape(
        "TaxRate",
        COMMON
        | {
            "Name": text(100),
            "Description": text(100),
            "Active": boolean,
            "RateValue": number,
            "AgencyRef": ref,
            "TaxReturnLineRef": ref,
            "SpecialTaxType": text(30),
            "DisplayType": text(30),
            "EffectiveTaxRate": anything,
        },
    )
