"""Item (fact 9.2)."""

from __future__ import annotations

from .. import faults
from ..schema import COMMON, Body, Shape, boolean, day, name_text, number, one_of, ref, text
from ..store import Column
from ..work import Work, reference
from .kind import Kind, Options

SHIPPING = "SHIPPING_ITEM_ID"
GRATUITY = "GRATUITY_ITEM_ID"


class Item(Kind):
    """A product, a service or a category."""

    name = "Item"
    family = "Item"
    shape = Shape(
        "Item",
        COMMON
        | {
            "Name": name_text(100),
            "Sku": text(100),
            "Description": text(4000),
            "Active": boolean,
            "SubItem": boolean,
            "ParentRef": ref,
            "Level": None,
            "FullyQualifiedName": None,
            "Taxable": boolean,
            "SalesTaxIncluded": boolean,
            "UnitPrice": number,
            "RatePercent": number,
            "Type": one_of("Service", "NonInventory", "Inventory", "Category", "Group"),
            "IncomeAccountRef": ref,
            "ExpenseAccountRef": ref,
            "AssetAccountRef": ref,
            "PurchaseDesc": text(4000),
            "PurchaseTaxIncluded": boolean,
            "PurchaseCost": number,
            "TrackQtyOnHand": boolean,
            "QtyOnHand": number,
            "ReorderPoint": number,
            "InvStartDate": day,
            "SalesTaxCodeRef": ref,
            "PurchaseTaxCodeRef": ref,
            "ClassRef": ref,
            "PrefVendorRef": ref,
            "TaxClassificationRef": ref,
            "AbatementRate": number,
            "ReverseChargeRate": number,
            "ServiceType": text(30),
            "ItemCategoryType": None,
            "Source": text(30),
            "DeferredRevenue": boolean,
            "ItemGroupDetail": None,
        },
    )
    columns = (
        Column("Name", indexed=True),
        Column("FullyQualifiedName", sortable=False, indexed=True),
        Column("Type"),
        Column("Sku", sortable=False),
        Column("Active", "bool"),
        Column("UnitPrice", "number"),
        Column("ParentRef", "ref", filterable=False, sortable=False, indexed=True),
    )

    def finish(self, work: Work, old: Body | None, new: Body, options: Options) -> Body:
        if not new.get("Name"):
            raise faults.missing("Name")
        new.setdefault("Type", (old or {}).get("Type", ""))
        if not new["Type"]:
            raise faults.missing("Type")
        if new["Type"] == "Group" and old is None:
            raise faults.unsupported("create on Item of type Group")
        self._settle_parent(work, old, new)
        self._settle_accounts(work, old, new)
        new.setdefault("Active", True)
        if not new["Active"] and new["Type"] == "Category":
            raise faults.business("A category can't be made inactive.")
        if old is not None and old.get("Active", True) and not new["Active"]:
            new["Name"] = self._deleted_name(work, new["Name"])
        prefix, _, _ = new["FullyQualifiedName"].rpartition(":")
        new["FullyQualifiedName"] = f"{prefix}:{new['Name']}" if prefix else new["Name"]
        self._check_name(work, old, new)
        if new["Type"] != "Category":
            new.setdefault("Taxable", False)
            new.setdefault("UnitPrice", number(0, "UnitPrice"))
            new.setdefault("TrackQtyOnHand", new["Type"] == "Inventory")
        return new

    def _settle_parent(self, work: Work, old: Body | None, new: Body) -> None:
        if bool(new.get("SubItem")) != bool(new.get("ParentRef")):
            raise faults.named(
                "6150",
                "ParentRef Required Validation Error",
                "Set both SubItem and ParentRef, or neither.",
                "ParentRef",
            )
        new["FullyQualifiedName"], new["Level"] = new["Name"], 0
        if not new.get("ParentRef"):
            new.pop("SubItem", None)
            new.pop("Level")
            return
        parent = reference(work, old, new, "ParentRef", "Item", "Items", "items", "Name")
        if parent is None or parent["Type"] != "Category":
            raise faults.named("700", "Parent Reference Invalid", "An item's parent must be a category.", "ParentRef")
        if old is not None and parent["Id"] == old["Id"]:
            raise faults.named("900", "Parent cannot be child", "An item can't be its own parent.", "ParentRef")
        new["Level"] = int(parent.get("Level", 0)) + 1
        if new["Level"] > 4:
            raise faults.named("6180", "Sub Level Limit", "A category can be at most 4 levels deep.", "ParentRef")
        new["FullyQualifiedName"] = f"{parent['FullyQualifiedName']}:{new['Name']}"

    def _settle_accounts(self, work: Work, old: Body | None, new: Body) -> None:
        if new["Type"] == "Category":
            return
        income = reference(work, old, new, "IncomeAccountRef", "Account", "Accounts", "accounts", "Name")
        expense = reference(work, old, new, "ExpenseAccountRef", "Account", "Accounts", "accounts", "Name")
        asset = reference(work, old, new, "AssetAccountRef", "Account", "Accounts", "accounts", "Name")
        if new["Type"] == "Inventory":
            for field, target in (("AssetAccountRef", asset), ("ExpenseAccountRef", expense)):
                if target is None:
                    raise faults.missing(field)
            for field in ("InvStartDate", "QtyOnHand"):
                if field not in new:
                    raise faults.missing(field)
        if income is None and expense is None:
            raise faults.missing("IncomeAccountRef")
        if income is not None and income["AccountType"] not in ("Income", "Other Income"):
            raise faults.named(
                "6430",
                "Invalid account type used",
                "An item's income account must be of type Income.",
                "IncomeAccountRef",
            )

    def _check_name(self, work: Work, old: Body | None, new: Body) -> None:
        for other in work.company.table(self.name).named("FullyQualifiedName", new["FullyQualifiedName"]):
            if other.id != (old or {}).get("Id"):
                raise faults.duplicate_name(other.id).with_detail(
                    "The name supplied already exists. : Another product or service is already using this name. "
                    f"Please use a different name. Id={other.id}"
                )

    def _deleted_name(self, work: Work, name: str) -> str:
        base = candidate = f"{name[:85]} (deleted)"
        twin = 1
        while work.company.table(self.name).named("Name", candidate):
            twin += 1
            candidate = f"{base} {twin}"
        return candidate
