"""Customer (fact 9.1)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .. import faults
from ..money import ZERO, money
from ..schema import (
    ADDRESS,
    COMMON,
    PHONE,
    WEB,
    Body,
    Shape,
    boolean,
    day,
    email,
    name_text,
    number,
    one_of,
    ref,
    text,
)
from ..store import Column, Company, Record
from ..work import Work, inactive, reference
from .kind import Options, splice
from .names import NameKind
from .registry import KINDS

DEEPEST_LEVEL = 4


class Customer(NameKind):
    """A customer, or a sub-customer (Job with ParentRef) down to the fifth level."""

    name = "Customer"
    shape = Shape(
        "Customer",
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
            "FullyQualifiedName": None,
            "Level": None,
            "Active": boolean,
            "Job": boolean,
            "ParentRef": ref,
            "BillWithParent": boolean,
            "IsProject": None,
            "ProjectStatus": None,
            "Balance": number,
            "BalanceWithJobs": None,
            "OpenBalanceDate": day,
            "PrimaryEmailAddr": email,
            "PrimaryPhone": PHONE,
            "AlternatePhone": PHONE,
            "Mobile": PHONE,
            "Fax": PHONE,
            "WebAddr": WEB,
            "Notes": text(2000),
            "ResaleNum": text(16),
            "BillAddr": ADDRESS,
            "ShipAddr": ADDRESS,
            "Taxable": boolean,
            "DefaultTaxCodeRef": ref,
            "TaxExemptionReasonId": text(3),
            "TaxExemptionReference": text(100),
            "PrimaryTaxIdentifier": text(30),
            "SecondaryTaxIdentifier": text(30),
            "BusinessNumber": text(30),
            "GSTIN": text(15),
            "GSTRegistrationType": text(15),
            "CurrencyRef": ref,
            "SalesTermRef": ref,
            "PaymentMethodRef": ref,
            "CustomerTypeRef": ref,
            "ARAccountRef": ref,
            "PreferredDeliveryMethod": one_of("Print", "Email", "None"),
            "Source": text(30),
            "ClientEntityId": text(50),
            "V4IDPseudonym": None,
        },
    )
    columns = (
        Column("DisplayName", indexed=True),
        Column("GivenName"),
        Column("MiddleName"),
        Column("FamilyName"),
        Column("FullyQualifiedName", indexed=True),
        Column("CompanyName"),
        Column("PrintOnCheckName"),
        Column("Active", "bool"),
        Column("PrimaryEmailAddr", sortable=False),
        Column("ParentRef", "ref", filterable=False, sortable=False, indexed=True),
        Column("Balance", "number", live=True),
        Column("BalanceWithJobs", "number", filterable=False, live=True),
    )

    def finish(self, work: Work, old: Body | None, new: Body, options: Options) -> Body:
        new.pop("Balance", None)
        opening = new.pop("OpenBalanceDate", None)
        if old is None and opening:
            new["OpenBalanceDate"] = opening
        self.settle_names(work, old, new)
        self._settle_parent(work, old, new)
        reference(work, old, new, "SalesTermRef", "Term", "Terms", "terms", "Name")
        reference(work, old, new, "PaymentMethodRef", "PaymentMethod", "PaymentMethods", "payment methods", "Name")
        if old is not None:
            self._check_change(work, old, new)
        new.setdefault("Taxable", False)
        new["IsProject"] = False
        new.setdefault("PreferredDeliveryMethod", "None")
        new["CurrencyRef"] = (old or {}).get("CurrencyRef") or _currency(work, new)
        return new

    def _settle_parent(self, work: Work, old: Body | None, new: Body) -> None:
        if not new.get("Active", True) and old is not None and "ParentRef" not in new and "ParentRef" in old:
            new["ParentRef"], new["Job"] = old["ParentRef"], True
        job, parent_ref = new.get("Job", False), new.get("ParentRef")
        if bool(job) != bool(parent_ref):
            raise faults.named(
                "6150", "ParentRef Required Validation Error", "Set both Job and ParentRef, or neither.", "ParentRef"
            )
        new["Job"], new["BillWithParent"] = bool(job), bool(job) and bool(new.get("BillWithParent", False))
        new["Level"], path = 0, new["DisplayName"]
        if parent_ref:
            parent = self._parent(work, old, parent_ref["value"])
            new["ParentRef"] = {"value": parent_ref["value"], "name": parent["DisplayName"]}
            new["Level"] = int(parent.get("Level", 0)) + 1
            path = f"{parent['FullyQualifiedName']}:{new['DisplayName']}"
            deepest = new["Level"] + (self._depth(work.company, old["Id"]) if old else 0)
            if deepest > DEEPEST_LEVEL:
                raise faults.named(
                    "6180", "Sub Level Limit", "A sub-customer can be at most 4 levels deep.", "ParentRef"
                )
        new["FullyQualifiedName"] = path

    def _parent(self, work: Work, old: Body | None, parent_id: str) -> Body:
        parent = work.look(self.name, parent_id)
        if parent is None:
            raise faults.bad_reference("Names", parent_id)
        step: Body | None = parent
        while old is not None and step is not None:
            if step["Id"] == old["Id"]:
                raise faults.named("900", "Parent cannot be child", "A customer can't be its own parent.", "ParentRef")
            step = work.look(self.name, step["ParentRef"]["value"]) if step.get("ParentRef") else None
        if not parent.get("Active", True) and (old is None or old.get("ParentRef", {}).get("value") != parent_id):
            raise inactive(work, "customers")
        return parent

    def _depth(self, company: Company, customer: str) -> int:
        children = list(company.children(self.name, customer))
        return 1 + max(self._depth(company, child.id) for child in children) if children else 0

    def _check_change(self, work: Work, old: Body, new: Body) -> None:
        if old.get("Active", True) and not new["Active"]:
            self._check_deactivation(work, old)
        if new["Job"] and old.get("Job") and new["BillWithParent"] != old.get("BillWithParent", False):
            parent = new["ParentRef"]["value"]
            if any(work.company.table(kind).named("CustomerRef", parent) for kind in ("Invoice", "Payment")):
                raise faults.named(
                    "6130", "Cannot change who customer bills with", "The parent has invoices or payments.", ""
                )

    def _check_deactivation(self, work: Work, old: Body) -> None:
        balance = work.company.balance(old["Id"])
        if balance > 0 and work.switch("deactivation_with_balance") == "credit":
            write_off(work, old["Id"], balance)
        elif balance:
            raise faults.named("6220", "Delete List Has Balance Error", "").with_detail(
                "The entity you are trying to delete has an open balance. : "
                "This customer cannot be deleted because it has a non-zero balance"
            )
        active = [c for c in work.company.children(self.name, old["Id"]) if self._active(work.company, c)]
        if active and work.switch("parent_deactivation") == "refuse":
            raise faults.business("You can't make a customer with active sub-customers inactive.")

    def _active(self, company: Company, record: Record) -> bool:
        return company.table(self.name).value(record, "Active") is not False

    def saved(self, work: Work, old: Body | None, new: Body) -> None:
        if old is None:
            return
        if old.get("Active", True) and not new["Active"] and work.switch("parent_deactivation") == "cascade":
            self._deactivate_below(work, new["Id"])
        if old["FullyQualifiedName"] != new["FullyQualifiedName"]:
            self._rename_below(work, new)

    def _deactivate_below(self, work: Work, parent: str) -> None:
        for child in work.company.children(self.name, parent):
            body = child.load()
            if body.get("Active", True):
                body["Active"] = False
                body["DisplayName"] = body["DisplayName"] + " (deleted)"
                work.save(self, body)
                self._deactivate_below(work, child.id)

    def _rename_below(self, work: Work, parent: Body) -> None:
        touch = work.switch("move_touches_descendants")
        for child in work.company.children(self.name, parent["Id"]):
            body = work.read(self.name, child.id) or child.load()
            body["FullyQualifiedName"] = f"{parent['FullyQualifiedName']}:{body['DisplayName']}"
            body["Level"] = int(parent["Level"]) + 1
            if touch:
                work.save(self, body)
            else:
                work.keep(self, body)
            self._rename_below(work, body)

    def render(self, company: Company, record: Record) -> bytes:
        balance = money(company.balance(record.id))
        return splice(record.body, {"Balance": balance, "BalanceWithJobs": money(company.family_balance(record.id))})

    def live_value(self, company: Company, record: Record, column: Column) -> Any:
        if column.name == "Balance":
            return company.balances.get(record.id, ZERO)
        return company.family_balance(record.id)


def _currency(work: Work, new: Body) -> Body:
    wanted = (new.get("CurrencyRef") or {}).get("value")
    home = work.preferences.get("CurrencyPrefs", {}).get("HomeCurrency", {}).get("value", "USD")
    code = wanted or home
    return {"value": code, "name": {"USD": "United States Dollar", "CAD": "Canadian Dollar"}.get(code, code)}


def write_off(work: Work, customer: str, balance: Decimal) -> None:
    """The credit memo that the web page writes when a customer with a balance is made inactive."""
    line = {"Amount": balance, "DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {}}
    note = "Created by QuickBooks Online to adjust balance for deletion"
    KINDS["CreditMemo"].create(work, {"CustomerRef": {"value": customer}, "Line": [line], "PrivateNote": note}, {})
