"""Both sides of each record that has an error: what Pilot and QuickBooks say of it, and in what they differ.

Added to the error's `detail` after a load, when everything is settled: no lock is held while QuickBooks is asked, and
all new errors of a load are asked about together. QuickBooks is asked again only where something has changed.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from psycopg.rows import dict_row

from include.company.runtime import Runtime
from include.lms.database import jsonb
from include.lms.document import described, invoice_numbers, read_documents
from include.model.document import Document, as_detail, differences
from include.model.record import TAX_ITEM, Entity
from include.model.typed_json import CANONICAL, Canonical, typed
from include.qbo import credit_memo, customer, invoice, payment, product
from include.qbo import record as qbo_record
from include.qbo.client import QboClient
from include.qbo.document import WITH_INACTIVE, Around, document, linked
from include.qbo.errors import QboError
from include.qbo.faults import Fault, is_missing
from include.sync import links

log = logging.getLogger(__name__)

Json = dict[str, Any]

#: What stands for each entity in QuickBooks. What a credit is applied to is shown with the credit.
RESOURCES: Mapping[Entity, str] = {
    "billing_account": customer.RESOURCE,
    "doctor_office": customer.RESOURCE,
    "product": product.RESOURCE,
    "special_item": product.RESOURCE,
    "invoice": invoice.RESOURCE,
    "credit": credit_memo.RESOURCE,
    "credit_application": credit_memo.RESOURCE,
    "payment": payment.RESOURCE,
}

#: Errors of one load that are completed at once; the next load goes on.
AT_ONCE = 200

NOT_IN_QUICKBOOKS = "Not in QuickBooks yet."
DELETED_IN_QUICKBOOKS = "Deleted in QuickBooks."
UNREADABLE = "QuickBooks does not show it."
NOT_IN_PILOT = "Not in Pilot yet."
DELETED_IN_PILOT = "Deleted in Pilot."

_ERRORS = Path(__file__).with_suffix(".sql").read_bytes()


@dataclass(kw_only=True, slots=True)
class _Error:
    """An error to complete, and what is found out about its record."""

    id: int
    direction: str
    record_entity: Entity
    error_code: str
    detail: Json
    last_seen_at: datetime
    lms_id: str | None
    qbo_id: str | None
    #: QuickBooks' version of the record, as far as the sync knows.
    known_version: str | None
    lms: Document | None = None
    #: The QuickBooks customer that the LMS's customer is linked to.
    linked_customer: str | None = None
    qbo: Document | None = None
    qbo_version: str | None = None
    qbo_customer: str | None = None
    qbo_absent: str | None = None

    @property
    def resource(self) -> str:
        """Its resource in QuickBooks."""
        return RESOURCES[self.record_entity]

    @property
    def before(self) -> Json | None:
        """What the error shows by now."""
        return self.detail.get("sides")


def add_sides(runtime: Runtime, realm_id: str) -> None:
    """Complete the errors of the company that do not show both sides yet, and those that this run has reported.

    A QuickBooks that does not answer stops nothing: the errors stand, and the next load completes them.
    """
    with runtime.connect() as connection:
        connection.autocommit = True
        found = _read_errors(connection, runtime, realm_id)
        if not found:
            return
        decided = [error for error in found if _take_decided(connection, error)]
        current = [error for error in found if error not in decided]
        _read_lms(connection, realm_id, current)
        new = [error for error in current if _is_news(error)]
        asked = [error for error in new if error.qbo_id]
        try:
            if asked:
                with runtime.client(realm_id) as client:
                    _read_quickbooks(connection, client, asked)
        except QboError as error:
            log.warning("company %s: both sides of %d errors are shown later: %s", realm_id, len(asked), error)
            new = [one for one in new if not one.qbo_id]
        for one in [*decided, *new]:
            _keep(connection, one)


def _read_errors(connection: psycopg.Connection, runtime: Runtime, realm_id: str) -> list[_Error]:
    entities = list(RESOURCES)
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            _ERRORS,
            {
                "realm": realm_id,
                "dag": runtime.run.dag_id,
                "run": runtime.run.run_id,
                "entities": entities,
                "linked_as": ["credit" if entity == "credit_application" else entity for entity in entities],
                "resources": list(RESOURCES.values()),
                "limit": AT_ONCE,
            },
        ).fetchall()
    return [_Error(**row) for row in rows]


# ------------------------------------------------------------------ a conflict: as it was when it was decided


def _take_decided(connection: psycopg.Connection, error: _Error) -> bool:
    """Both versions of a conflict, as its detail has them: by now one of them is overwritten."""
    if not error.error_code.startswith("conflict"):
        return False
    sides = {side: _version(error, error.detail.get(side)) for side in ("lms", "qbo")}
    if not any(sides.values()):
        return False
    found = described(connection, {side: version for side, version in sides.items() if version})
    error.lms, error.qbo = found.get("lms"), found.get("qbo")
    error.qbo_absent = DELETED_IN_QUICKBOOKS
    return True


def _version(error: _Error, kept: Any) -> Canonical | None:
    """Only the amount is kept of a credit: such a conflict is shown as both sides are now."""
    try:
        return typed(kept, CANONICAL[error.record_entity]) if kept else None
    except msgspec.ValidationError:
        return None


# ------------------------------------------------------------------ reading both sides


def _read_lms(connection: psycopg.Connection, realm_id: str, errors: Sequence[_Error]) -> None:
    by_entity: dict[Entity, list[_Error]] = defaultdict(list)
    for error in errors:
        if error.lms_id:
            by_entity[error.record_entity].append(error)
    for entity, its in by_entity.items():
        found = read_documents(connection, entity, [error.lms_id for error in its if error.lms_id])
        customers = links.qbo_ids(connection, realm_id, {key for _, key in found.values() if key})
        for error in its:
            error.lms, key = found.get(error.lms_id or "", (None, None))
            error.linked_customer = customers.get(key) if key else None


def _is_news(error: _Error) -> bool:
    """Whether the record is not what the error shows. QuickBooks' side: as far as one knows without asking."""
    before = error.before
    if before is None:
        return True
    newer = int(error.known_version or 0) > int(before.get("qbo_version") or 0)
    return newer or before.get("qbo_id") != error.qbo_id or before.get("lms") != _shown(error.lms)


def _read_quickbooks(connection: psycopg.Connection, client: QboClient, errors: Sequence[_Error]) -> None:
    """One question for each resource, and one for each of what is linked to them."""
    bodies = _find(client, {(error.resource, error.qbo_id) for error in errors if error.qbo_id})
    around = _around(connection, client.realm_id, bodies)
    more = {key for (resource, _), body in bodies.items() for key in linked(resource, body, around)}
    around = _with_linked(connection, client, around, more)
    for error in errors:
        qbo_id = error.qbo_id or ""
        body = bodies.get((error.resource, qbo_id))
        if body is None:
            error.qbo_absent = _why_not_there(client, error.resource, qbo_id)
            continue
        try:
            error.qbo = document(error.resource, body, around)
            error.qbo_version = qbo_record.version(body).sync_token
            error.qbo_customer = qbo_record.parent_id(body) or qbo_record.customer_id(body)
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as strange:
            # What one record of QuickBooks' is like stops no other, and an error is one already.
            log.warning("%s %s of QuickBooks cannot be shown: %r", error.resource, qbo_id, strange)
            error.qbo_absent = UNREADABLE


def _find(client: QboClient, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Json]:
    by_resource: dict[str, list[str]] = defaultdict(list)
    for resource, qbo_id in sorted(keys):
        by_resource[resource].append(qbo_id)
    found = {}
    for resource, ids in by_resource.items():
        also = "Active IN (true, false)" if resource in WITH_INACTIVE else ""
        for body in client.find(resource, "Id", ids, also=also, refused={}):
            found[resource, qbo_record.version(body).qbo_id] = body
    return found


def _why_not_there(client: QboClient, resource: str, qbo_id: str) -> str:
    """A query may fail to show what is there (trap 8): only a read knows."""
    answer = client.read(resource, qbo_id)
    return DELETED_IN_QUICKBOOKS if isinstance(answer, Fault) and is_missing(answer) else UNREADABLE


def _around(connection: psycopg.Connection, realm_id: str, bodies: Mapping[tuple[str, str], Json]) -> Around:
    """The numbers of the invoices that payments settle, the tax item, and the payments that apply Pilot's credits."""
    memos = [qbo_id for resource, qbo_id in bodies if resource == credit_memo.RESOURCE]
    rows = connection.execute(
        "select l.qbo_id, a.qbo_id from qbo_sync.entity_link l"
        "  join qbo_sync.credit_application_link a on a.realm_id = l.realm_id and a.credit_id = l.lms_id"
        " where l.realm_id = %s and l.entity = 'credit' and l.qbo_id = any(%s)",
        [realm_id, memos],
    )
    paid = [body for (resource, _), body in bodies.items() if resource == payment.RESOURCE]
    return Around(
        tax_item=links.qbo_ids(connection, realm_id, [TAX_ITEM]).get(TAX_ITEM),
        invoice_numbers=_numbers(connection, realm_id, paid),
        applications=dict(rows.fetchall()),
    )


def _numbers(connection: psycopg.Connection, realm_id: str, payments: Iterable[Json]) -> dict[str, str]:
    """The numbers in Pilot of the invoices that payments settle, by QuickBooks id."""
    settled = {id_ for body in payments for id_ in payment.lines_of(body)[0]}
    ours = links.lms_ids(connection, realm_id, "invoice", settled)
    numbers = invoice_numbers(connection, ours.values())
    return {qbo_id: numbers[lms_id] for qbo_id, lms_id in ours.items() if lms_id in numbers}


def _with_linked(
    connection: psycopg.Connection, client: QboClient, around: Around, keys: Iterable[tuple[str, str]]
) -> Around:
    found = _find(client, keys)
    payments = [body for (resource, _), body in found.items() if resource == payment.RESOURCE]
    numbers = {**around.invoice_numbers, **_numbers(connection, client.realm_id, payments)}
    return Around(tax_item=around.tax_item, invoice_numbers=numbers, applications=around.applications, linked=found)


# ------------------------------------------------------------------ keeping it


def _shown(side: Document | None) -> Json | None:
    return as_detail(side) if side else None


def _keep(connection: psycopg.Connection, error: _Error) -> None:
    """Unless it was reported again meanwhile: then whoever did that completes it."""
    lms, qbo = error.lms, error.qbo
    absent = {}
    if lms is None:
        absent["lms"] = DELETED_IN_PILOT if error.lms_id else NOT_IN_PILOT
    if qbo is None:
        deleted = error.error_code == "deleted_in_quickbooks"
        absent["qbo"] = error.qbo_absent or (DELETED_IN_QUICKBOOKS if deleted else NOT_IN_QUICKBOOKS)
    sides = {
        "lms": _shown(lms),
        "qbo": _shown(qbo),
        "differs": differences(lms, qbo, same_customer=_same_customer(error)) if lms and qbo else [],
        "absent": absent,
        "qbo_id": error.qbo_id,
        "qbo_version": error.qbo_version,
        "as_of": datetime.now(UTC),
    }
    connection.execute(
        "update qbo_sync.sync_error set detail = detail || jsonb_build_object('sides', %s::jsonb)"
        " where id = %s and last_seen_at = %s",
        [jsonb(sides), error.id, error.last_seen_at],
    )


def _same_customer(error: _Error) -> bool | None:
    if error.linked_customer is None or error.qbo_customer is None:
        return None
    return error.linked_customer == error.qbo_customer
