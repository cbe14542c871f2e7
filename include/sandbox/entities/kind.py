"""What every entity has in common: create, full and sparse update, delete, void (fact 9.0)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from .. import faults
from ..money import ZERO, dumps
from ..schema import CLEARED, Body, Shape
from ..store import Column, Company, Record
from ..work import Work

Options = dict[str, str]


class Kind:
    """An entity type. Subclasses say what its properties are and how its read-only ones are computed."""

    name: ClassVar[str] = ""
    family: ClassVar[str] = ""
    transaction: ClassVar[bool] = False
    in_cdc: ClassVar[bool] = True
    creatable: ClassVar[bool] = True
    voids: ClassVar[bool] = False
    shape: ClassVar[Shape]
    columns: ClassVar[tuple[Column, ...]] = ()
    kept_in_full_update: ClassVar[tuple[str, ...]] = ("CurrencyRef", "CustomField")
    name_column: ClassVar[str] = "Name"

    # -- what subclasses write -------------------------------------------------------------------

    def finish(self, work: Work, old: Body | None, new: Body, options: Options) -> Body:
        """Check the writable part `new` and compute the rest; `old` is the version before, if any."""
        raise NotImplementedError

    def saved(self, work: Work, old: Body | None, new: Body) -> None:
        """Effects on other records, after `new` has been staged."""

    def check_delete(self, work: Work, old: Body) -> None:
        """Refuse a deletion, or prepare it."""

    def void_body(self, work: Work, old: Body) -> Body:
        """The voided version."""
        raise faults.unsupported("void")

    def owes(self, body: Body) -> tuple[str, Decimal] | None:
        """What a record adds to a customer's balance."""
        return None

    def render(self, company: Company, record: Record) -> bytes:
        """The record as it is sent."""
        return record.body

    def live_value(self, company: Company, record: Record, column: Column) -> Any:
        """The value of a column that is computed when asked."""
        return None

    # -- what the server calls -------------------------------------------------------------------

    def write(self, work: Work, body: Body, options: Options) -> Body:
        """POST without an operation: an update if the body has an Id (fact 2.1)."""
        if body.get("Id") not in (None, "", "0", 0):
            return self.update(work, body, options)
        return self.create(work, body, options)

    def create(self, work: Work, body: Body, options: Options) -> Body:
        """A new record with SyncToken 0."""
        if not self.creatable:
            raise faults.unsupported(f"create on {self.name}")
        new = _without_cleared(self.shape.clean(body))
        new = self.finish(work, None, new, options)
        new.pop("Id", None)
        work.save(self, new)
        self.saved(work, None, new)
        return new

    def update(self, work: Work, body: Body, options: Options) -> Body:
        """A full or sparse update (fact 9.0)."""
        old = self.current(work, body)
        clean = self.shape.clean(body)
        if body.get("sparse") in (True, "true"):
            writable = {k: v for k, v in old.items() if self.shape.fields.get(k) is not None}
            new = writable | clean
        else:
            new = {k: old[k] for k in self.kept_in_full_update if k in old} | clean
        new = self.finish(work, old, _without_cleared(new), options)
        new["Id"], new["MetaData"] = old["Id"], old["MetaData"]
        work.save(self, new)
        self.saved(work, old, new)
        return new

    def delete(self, work: Work, body: Body) -> Body:
        """A deleted transaction leaves a stub; list entities cannot be deleted (fact 9.0)."""
        if not self.transaction:
            raise faults.unsupported(f"delete on {self.name}")
        old = self.current(work, body)
        self.check_delete(work, old)
        work.remove(self, old["Id"])
        return {"domain": "QBO", "status": "Deleted", "Id": old["Id"]}

    def void(self, work: Work, body: Body) -> Body:
        """A voided transaction stays, with zero amounts (facts 9.4, 9.6)."""
        if not self.voids:
            raise faults.unsupported(f"void on {self.name}")
        old = self.current(work, body)
        new = self.void_body(work, old)
        new["Id"], new["MetaData"] = old["Id"], old["MetaData"]
        work.save(self, new, "Void")
        return new

    def current(self, work: Work, body: Body) -> Body:
        """The version that the request is about: 2030, 610, 2020 and 5010 are decided here."""
        record_id = body.get("Id")
        if record_id is None or record_id == "":
            raise faults.missing("Id")
        record_id = str(record_id)
        if not record_id.isdigit():
            raise faults.invalid_id(record_id)
        old = work.read(self.name, record_id)
        if old is None or (work.hidden and (self.name, record_id) in work.hidden):
            raise self.gone(work.company, record_id)
        token = body.get("SyncToken")
        if token is None or token == "":
            raise faults.missing("SyncToken")
        if str(token) != old["SyncToken"]:
            raise faults.stale(str(work.switch("last_modifier")))
        return old

    def gone(self, company: Company, record_id: str) -> faults.Fault:
        """610 in the form that fits (fact 8.4)."""
        if record_id in company.table(self.name).deleted:
            return faults.deleted_transaction()
        return faults.not_found()

    def record(self, body: Body, raw: bytes, created: int, updated: int) -> Record:
        """The stored form."""
        record = Record(raw, body["SyncToken"], created, updated, tuple(c.read(body) for c in self.columns))
        record.id = body["Id"]
        owes = self.owes(body)
        if owes is not None:
            record.customer, record.owed = owes
        return record


def _without_cleared(body: Body) -> Body:
    return {name: value for name, value in body.items() if value != CLEARED}


def splice(raw: bytes, members: Body) -> bytes:
    """Add members at the end of a serialised object without parsing it."""
    return raw[:-1] + b"," + dumps(members)[1:]


def voided_note(note: str | None) -> str:
    """`Voided` stands before what was there (fact 9.4)."""
    return f"Voided - {note}" if note else "Voided"


def linked(body: Body, kind: str) -> list[str]:
    """Ids of the transactions of a kind that a body's LinkedTxn names."""
    return [link["TxnId"] for link in body.get("LinkedTxn", []) if link.get("TxnType") == kind]


def total_of(body: Body, name: str) -> Decimal:
    """A number of a body, 0 if absent."""
    value = body.get(name)
    return ZERO if value is None else Decimal(value)
