"""Customers, vendors and employees share one id sequence and one set of names (facts 9.0, 9.1, trap 42)."""

from __future__ import annotations

import re
from typing import ClassVar

from .. import faults
from ..schema import Body
from ..work import Work
from .kind import Kind

NAME_KINDS = ("Customer", "Vendor", "Employee")
PARTS = ("Title", "GivenName", "MiddleName", "FamilyName", "Suffix")
_DELETED = re.compile(r" \(deleted\)(?: \d+)?$")


class NameKind(Kind):
    """The rules on names."""

    family: ClassVar[str] = "Names"
    name_column = "DisplayName"

    def settle_names(self, work: Work, old: Body | None, new: Body) -> None:
        """DisplayName from the parts if absent (6080 without any), unique in the company (6240)."""
        if not new.get("DisplayName"):
            kept = old.get("DisplayName") if old is not None else None
            new["DisplayName"] = kept or " ".join(new[part] for part in PARTS if new.get(part)).strip()
        if not new["DisplayName"]:
            raise faults.named(
                "6080", "No Name Provided", "At least one of the name fields or DisplayName must be provided.", None
            )
        new["Active"] = new.get("Active", True)
        if work.switch("undelete_names"):
            self._settle_deleted(work, old, new)
        changed = old is None or old["DisplayName"].casefold() != new["DisplayName"].casefold()
        if changed or (old is not None and not old.get("Active", True) and new["Active"]):
            clash = self.holder(work, new["DisplayName"], old["Id"] if old else None)
            if clash is not None:
                raise self.name_clash(work, clash)
        new.setdefault("PrintOnCheckName", new["DisplayName"][:110])

    def _settle_deleted(self, work: Work, old: Body | None, new: Body) -> None:
        was_active = old is None or old.get("Active", True)
        if was_active and not new["Active"]:
            base = _DELETED.sub("", new["DisplayName"]) + " (deleted)"
            name, twin = base, 1
            while self.holder(work, name, old["Id"] if old else None) is not None:
                twin += 1
                name = f"{base} {twin}"
            new["DisplayName"] = name
        elif old is not None and not was_active and new["Active"]:
            unsent = new["DisplayName"] == old["DisplayName"]
            if unsent and work.switch("suffix_on_reactivation") == "strip":
                new["DisplayName"] = _DELETED.sub("", new["DisplayName"])

    def holder(self, work: Work, name: str, but: str | None) -> str | None:
        """The id of whoever has this name, in any letter case, inactive ones included."""
        for kind in NAME_KINDS:
            for record in work.company.table(kind).named("DisplayName", name.strip()):
                if record.id != but:
                    return record.id
        return None

    def name_clash(self, work: Work, holder: str) -> faults.Fault:
        """6240, on request in its older wording with the unresolved template."""
        fault = faults.duplicate_name(holder)
        if work.switch("name_clash_text") == "template":
            fault.detail = (
                f"The name supplied already exists. : Another $${self.name.lower()}$$ is already using this name."
            )
        return fault
