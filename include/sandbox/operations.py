"""Single operations on entities: the one path that the API, batches and the web page all take."""

from __future__ import annotations

from . import faults
from .entities import find
from .entities.kind import Kind, Options, splice
from .entities.sales_form import PeriodClosedQuietly
from .money import dumps
from .schema import Body
from .work import Work


def kind_named(name: str) -> Kind:
    """The entity, or 500 Unsupported Operation."""
    kind = find(name)
    if kind is None:
        raise faults.unsupported(name)
    return kind


def operation_of(kind: Kind, body: Body, options: Options) -> str:
    """create, update, delete or void (fact 2.1)."""
    asked = options.get("operation", "").lower()
    if asked == "delete":
        return "delete"
    if asked == "void" or "void" in options.get("include", "").lower().split(","):
        return "void"
    if asked not in ("", "update", "create"):
        raise faults.unsupported(asked)
    return "update" if not kind.creatable or body.get("Id") not in (None, "", "0", 0) else "create"


def perform(work: Work, kind: Kind, operation: str, body: Body, options: Options) -> bytes:
    """Do it and return the entity as JSON."""
    if work.company.subscription_ended:
        raise faults.read_only_company()
    try:
        if operation == "delete":
            stub = kind.delete(work, body)
            work.commit()
            return dumps(stub)
        if operation == "void":
            written = kind.void(work, body)
        elif operation == "update":
            written = kind.update(work, body, options)
        else:
            written = kind.create(work, body, options)
        work.commit()
        record_id = written["Id"]
    except PeriodClosedQuietly:
        record_id = str(body.get("Id"))
    return rendered(work, kind, record_id, options)


def read(work: Work, kind: Kind, record_id: str, options: Options) -> bytes:
    """One entity by id; a deleted one is 610, an inactive one is shown (fact 4.4)."""
    if kind.name == "CompanyInfo" and record_id == work.company.realm:
        record_id = "1"
    if record_id not in work.company.table(kind.name).records:
        if not record_id.isdigit():
            raise faults.invalid_id(record_id)
        raise kind.gone(work.company, record_id)
    return rendered(work, kind, record_id, options)


def rendered(work: Work, kind: Kind, record_id: str, options: Options) -> bytes:
    """The stored entity as it is sent."""
    record = work.company.table(kind.name).records[record_id]
    raw = kind.render(work.company, record)
    if kind.name == "Invoice" and "invoicelink" in options.get("include", "").lower():
        raw = splice(raw, {"InvoiceLink": f"https://connect.intuit.com/t/scs-v1-{work.company.realm}-{record_id}"})
    return raw
