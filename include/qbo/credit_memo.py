"""Credits as QuickBooks' credit memos (fact 9.6; rule 6)."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from include.model.money import ZERO, to_cents
from include.model.payment import Credit
from include.model.record import CREDIT_ITEM, RecordKey
from include.model.staged import QboCreditMemo, Version
from include.qbo import record
from include.qbo.client import QboClient
from include.qbo.faults import Fault
from include.qbo.invoice import item_line
from include.qbo.text import cut

RESOURCE = "CreditMemo"

Json = dict[str, Any]


def create_body(credit: Credit, references: Mapping[RecordKey, str]) -> Json:
    """The body of a create: one line with the item for credits."""
    body: Json = {
        "CustomerRef": {"value": references[credit.customer]},
        "TxnDate": credit.date.isoformat(),
        "Line": [item_line(references[CREDIT_ITEM], credit.amount)],
    }
    note = cut(credit.note)
    if note:
        body["PrivateNote"] = note
    return body


def update_body(credit: Credit, references: Mapping[RecordKey, str], of: Version) -> Json:
    """A sparse update of customer and amount."""
    return {
        "Id": of.qbo_id,
        "SyncToken": of.sync_token,
        "sparse": True,
        "CustomerRef": {"value": references[credit.customer]},
        "Line": [item_line(references[CREDIT_ITEM], credit.amount)],
    }


def parse(body: Json) -> QboCreditMemo:
    """What QuickBooks said."""
    return QboCreditMemo(
        qbo_id=body["Id"],
        sync_token=body["SyncToken"],
        date=date.fromisoformat(body["TxnDate"]),
        amount=record.total(body),
        customer_id=body["CustomerRef"]["value"],
        customer_name=record.customer_name(body),
    )


def left(client: QboClient, memo_id: str) -> Decimal | None:
    """What of a credit memo is not used yet, in dollars; None: it is not there."""
    found = client.read(RESOURCE, memo_id)
    return None if isinstance(found, Fault) else to_cents(Decimal(found.get("Balance", ZERO)))


def used(client: QboClient, memo_id: str) -> Decimal | None:
    """What of a credit memo is applied, in dollars; None: it is not there."""
    found = client.read(RESOURCE, memo_id)
    return None if isinstance(found, Fault) else to_cents(record.total(found) - Decimal(found.get("Balance", ZERO)))


def find_candidates(client: QboClient, bodies: Sequence[Json]) -> list[Json]:
    """What creates with these bodies may have made: credit memos of their days."""
    return client.find_all(RESOURCE, "TxnDate", [body["TxnDate"] for body in bodies])


def is_made_from(candidate: Json, body: Json) -> bool:
    """Whether QuickBooks' record was made from this body of ours: same customer, day, amount and note."""
    return may_be_made_from(candidate, body) and candidate.get("PrivateNote") == body.get("PrivateNote")


def may_be_made_from(candidate: Json, body: Json) -> bool:
    """As `is_made_from`, whatever the note says by now."""
    return (
        candidate["CustomerRef"]["value"] == body["CustomerRef"]["value"]
        and candidate["TxnDate"] == body["TxnDate"]
        and record.total(candidate) == body["Line"][0]["Amount"]
    )
