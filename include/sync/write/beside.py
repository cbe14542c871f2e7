"""Payments that stand in the way of another write to QuickBooks, and make way: written down before they are sent, and
audited, like any other write. A record has one of them in flight at a time, kept with its intent."""

from contextlib import suppress

import psycopg

from include.company.runtime import Run
from include.model.money import ZERO
from include.model.payment import Application, CreditApplication, Payment, ordered
from include.model.record import RecordKey
from include.model.staged import QboPayment
from include.qbo import payment as qbo_payment
from include.qbo import record as qbo_record
from include.qbo.client import QboClient, Write
from include.qbo.errors import RequestRefused
from include.qbo.faults import Fault, may_hide_a_write
from include.sync import audit, intents, links
from include.sync.entity.base import Json
from include.sync.entity.payer import payers
from include.sync.intents import Intent


class Beside:
    """Sends them for the record of one intent. Commits."""

    def __init__(self, connection: psycopg.Connection, client: QboClient, run: Run, intent: Intent) -> None:
        self._connection, self._client, self._run, self._intent = connection, client, run, intent

    def send(self, write: Write, request_id: str, before: Json) -> bool:
        """Whether it was done. Raises as `client.write`; unless it was refused, `finish` then finds out."""
        written_down = {
            "operation": write.operation,
            "resource": write.resource,
            "body": write.body,
            "request_id": request_id,
            "before": before,
        }
        intents.commit_beside(self._connection, self._client.realm_id, self._intent.key, written_down)
        return self._send(write, request_id, before, again=False)

    def finish(self) -> None:
        """Send again what a worker that died, or lost the answer, has sent: QuickBooks replays what it has done. Raises
        OutcomeUnknown if the answer is lost again."""
        kept = self._intent.beside
        if kept is None:
            return
        write = Write(operation=kept["operation"], resource=kept["resource"], body=kept["body"])
        # Refused, nothing was done, and the next plan finds the payment still there.
        with suppress(RequestRefused):
            self._send(write, kept["request_id"], kept["before"], again=True)

    def _send(self, write: Write, request_id: str, before: Json, *, again: bool) -> bool:
        done: Json | None = None
        try:
            [result] = self._client.write([write], request_id=request_id, again=again)
            done = self._done_all_the_same(write, result) if isinstance(result, Fault) else result
        except RequestRefused:
            self._record(None)
            raise
        if done is None:
            self._record(None)
            return False
        after = qbo_payment.parse(done) if write.operation == "update" else None
        self._record(self._entry(request_id, qbo_payment.parse(before), after))
        return True

    def _done_all_the_same(self, write: Write, fault: Fault) -> Json | None:
        """What QuickBooks shows of a write that it has done and answered with a fault (trap 6)."""
        if not may_hide_a_write(fault):
            return None
        sent = qbo_record.version(write.body)
        found = next(iter(self._client.find(write.resource, "Id", [sent.qbo_id])), None)
        if write.operation == "delete":
            return {} if found is None else None
        if found is None or qbo_record.version(found).sync_token == sent.sync_token:
            return None
        return found if qbo_payment.lines_of(found) == qbo_payment.lines_of(write.body) else None

    def _record(self, entry: audit.Entry | None) -> None:
        if entry:
            audit.keep(self._connection, self._run, entry)
        intents.commit_beside(self._connection, self._client.realm_id, self._intent.key, None)

    def _entry(self, request_id: str, before: QboPayment, after: QboPayment | None) -> audit.Entry:
        """A payment that is not linked has no id in the LMS."""
        connection, realm_id = self._connection, self._client.realm_id
        keys = links.keys_of(connection, realm_id, ["payment", "credit_application"], [before.qbo_id])
        key = keys.get(before.qbo_id)
        return audit.Entry(
            side="qbo",
            realm_id=realm_id,
            entity=key.entity if key else "payment",
            record_id=key.id if key else None,
            qbo_id=before.qbo_id,
            billing_lab_id=self._intent.billing_lab_id,
            operation="update" if after else "delete",
            before=_canonical(connection, realm_id, key, before),
            after=_canonical(connection, realm_id, key, after) if after else None,
            sync_token=after.sync_token if after else None,
            request_id=request_id,
        )


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
