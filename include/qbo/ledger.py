"""QuickBooks' side of the ledger, as the proof compares it: a few figures of each transaction and customer.

Read by the page, or only what changed; never record by record.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from include.model.money import ZERO
from include.model.record import Entity
from include.qbo import cdc, record
from include.qbo.cdc import CAP, Json
from include.qbo.client import QboClient
from include.qbo.errors import RequestRefused
from include.qbo.payment import lines_of
from include.qbo.shape import flaw

#: The transactions of a customer's account that the sync knows, and their names here.
TRANSACTIONS: Mapping[str, Entity] = {"Invoice": "invoice", "CreditMemo": "credit", "Payment": "payment"}

_CUSTOMER = "Customer"
_ALL = "WHERE Active IN (true, false)"


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerDocument:
    """One transaction. Dollars."""

    entity: Entity
    qbo_id: str
    last_updated: datetime
    #: QuickBooks' version.
    sync_token: str | None
    deleted: bool = False
    customer_id: str | None = None
    number: str | None = None
    dated: date | None = None
    due: date | None = None
    amount: Decimal = ZERO
    #: An invoice's balance; what of a credit memo or payment is not applied.
    open: Decimal = ZERO
    #: Of a payment: invoice id → amount.
    applied: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerCustomer:
    """A customer or sub-customer with the balance that QuickBooks itself shows, that of sub-customers not included."""

    qbo_id: str
    #: With its parents, as QuickBooks writes it: “Cedar Grove:Dr. Raman”.
    name: str
    parent_id: str | None
    balance: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerChanges:
    """What changed since an instant."""

    #: When QuickBooks began to answer, by its own clock.
    time: datetime
    documents: Sequence[LedgerDocument]


def all_documents(client: QboClient, resource: str) -> Iterator[list[LedgerDocument]]:
    """Every live transaction of a resource, a page at a time; some come twice."""
    for page in cdc.pages(client, resource):
        yield [parse(resource, body) for body in page]


def all_customers(client: QboClient) -> Iterator[list[LedgerCustomer]]:
    """Every customer, inactive ones too, a page at a time; some come twice."""
    for page in cdc.pages(client, _CUSTOMER, _ALL):
        yield [parse_customer(body) for body in page]


def customers(client: QboClient, ids: Sequence[str]) -> list[LedgerCustomer]:
    """These customers as they are now."""
    return [parse_customer(body) for body in client.find(_CUSTOMER, "Id", ids, also="Active IN (true, false)")]


def changes(client: QboClient, since: datetime) -> LedgerChanges | None:
    """The transactions that changed since an instant, deleted ones too; None if QuickBooks cannot tell all of them:
    that is too long ago for it, or more has changed than it answers at once (trap 24)."""
    try:
        time, found = cdc.changed_records(client, list(TRANSACTIONS), since)
    except RequestRefused:
        return None
    if len(found) >= CAP or any(flaw(resource, body) for resource, body in found):
        return None
    return LedgerChanges(time=time, documents=[parse(resource, body) for resource, body in found])


def server_time(client: QboClient) -> datetime:
    """The moment by QuickBooks' own clock."""
    return cdc.instant(client.server_time())


def parse(resource: str, body: Json) -> LedgerDocument:
    """The figures of one transaction; of a notice of deletion, that it is gone."""
    entity, changed = TRANSACTIONS[resource], cdc.instant(body["MetaData"]["LastUpdatedTime"])
    if cdc.is_deleted(body):
        return LedgerDocument(entity=entity, qbo_id=body["Id"], last_updated=changed, sync_token=None, deleted=True)
    return LedgerDocument(
        entity=entity,
        qbo_id=body["Id"],
        last_updated=changed,
        sync_token=body.get("SyncToken"),
        customer_id=record.customer_id(body),
        number=body.get("DocNumber") or body.get("PaymentRefNum") or None,
        dated=_day(body.get("TxnDate")),
        due=_day(body.get("DueDate")),
        amount=record.total(body),
        open=record.money(body.get("UnappliedAmt" if resource == "Payment" else "Balance")),
        applied=lines_of(body)[0] if resource == "Payment" else {},
    )


def parse_customer(body: Mapping[str, Any]) -> LedgerCustomer:
    """Name, parent and balance."""
    return LedgerCustomer(
        qbo_id=body["Id"],
        name=str(body.get("FullyQualifiedName") or record.name(body)),
        parent_id=record.parent_id(body),
        balance=record.money(body.get("Balance")),
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
