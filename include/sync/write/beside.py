"""Payments that stood in the way of another write to QuickBooks, and made way: audited like any other write."""

from collections.abc import Sequence

import psycopg

from include.company.runtime import Run
from include.model.money import ZERO
from include.model.payment import Application, CreditApplication, Payment, ordered
from include.model.record import RecordKey
from include.model.staged import QboPayment
from include.sync import audit, links
from include.sync.entity.base import PaymentWrite
from include.sync.entity.payer import payers


def keep_beside(
    connection: psycopg.Connection,
    run: Run,
    realm_id: str,
    billing_lab_id: int | None,
    writes: Sequence[PaymentWrite],
) -> None:
    """An entry for each, in the caller's transaction. A payment that is not linked has no id in the LMS."""
    ids = [one.before.qbo_id for one in writes]
    keys = links.keys_of(connection, realm_id, ["payment", "credit_application"], ids)
    for one in writes:
        key = keys.get(one.before.qbo_id)
        entry = audit.Entry(
            side="qbo",
            realm_id=realm_id,
            entity=key.entity if key else "payment",
            record_id=key.id if key else None,
            qbo_id=one.before.qbo_id,
            billing_lab_id=billing_lab_id,
            operation="update" if one.after else "delete",
            before=_canonical(connection, realm_id, key, one.before),
            after=_canonical(connection, realm_id, key, one.after) if one.after else None,
            sync_token=one.after.sync_token if one.after else None,
            request_id=one.request_id,
        )
        audit.keep(connection, run, entry)


def _canonical(
    connection: psycopg.Connection, realm_id: str, key: RecordKey | None, payment: QboPayment
) -> Payment | CreditApplication | None:
    """As far as the LMS knows its customer and its invoices."""
    payer = payers(connection, realm_id, [payment.customer_id]).get(payment.customer_id)
    if payer is None:
        return None
    ours = links.lms_ids(connection, realm_id, "invoice", payment.invoices)
    applications = ordered(
        [
            Application(invoice=RecordKey("invoice", ours[qbo_id]), amount=amount)
            for qbo_id, amount in payment.invoices.items()
            if qbo_id in ours and amount != ZERO
        ]
    )
    if key and key.entity == "credit_application":
        return CreditApplication(
            date=payment.date,
            customer=payer.key,
            credit=RecordKey("credit", key.id),
            applications=applications,
            owner=payer.owner,
        )
    return Payment(
        date=payment.date, customer=payer.key, amount=payment.amount, applications=applications, owner=payer.owner
    )
