"""Payments that stand in the way of another write to QuickBooks, and make way: written down before they are sent, and
audited, like any other write. A record has one of them in flight at a time, kept with its intent."""

import uuid
from dataclasses import replace

import psycopg

from include.company.runtime import Run
from include.model.money import ZERO
from include.model.payment import Application, CreditApplication, Payment, ordered
from include.model.record import RecordKey
from include.model.staged import QboPayment
from include.qbo import payment as qbo_payment
from include.qbo import record as qbo_record
from include.qbo.client import QboClient, Write
from include.qbo.errors import OutcomeUnknown, RequestRefused
from include.qbo.faults import Fault, is_missing
from include.sync import audit, intents, links
from include.sync.entity.base import Json, MakesWay
from include.sync.entity.payer import payers
from include.sync.intents import Intent
from include.sync.write.unconfirmed import may_have_been_done

#: Kept with an intent in the place of the write when it was done: what the intent was refused for may be gone.
_MADE_WAY = {"made_way": True}


def _pays_as_sent(payment: Json, write: Write) -> bool:
    return qbo_payment.lines_of(payment)[0] == qbo_payment.lines_of(write.body)[0]


class Beside:
    """Sends them for the record of one intent. Commits."""

    def __init__(
        self, connection: psycopg.Connection, client: QboClient, run: Run, intent: Intent, *, keeps_breaking: bool
    ) -> None:
        """`keeps_breaking`: the intent is unfinished for so long that no more answers are waited for."""
        self._connection, self._client, self._run, self._intent = connection, client, run, intent
        self._keeps_breaking = keeps_breaking

    @property
    def made_way(self) -> bool:
        """Whether one was done, if only by a worker that died, or lost a later answer."""
        return bool(self._intent.beside and self._intent.beside["made_way"])

    def send(self, write: Write, does: MakesWay, before: Json) -> bool:
        """Whether it was done. Raises OutcomeUnknown if the answer is lost: then `finish` finds out."""
        # Random: of another record's write to the same version of this payment QuickBooks would replay the answer.
        request_id = f"{does}-{uuid.uuid4()}"
        written_down = {
            "operation": write.operation,
            "resource": write.resource,
            "body": write.body,
            "request_id": request_id,
            "before": before,
            "made_way": self.made_way,
        }
        intents.commit_beside(self._connection, self._client.realm_id, self._intent.key, written_down)
        return self._send(write, request_id, before, again=False)

    def finish(self) -> Intent:
        """Send again what a worker that died, or lost the answer, has sent: QuickBooks replays what it has done. The
        intent as it is then. Raises OutcomeUnknown if the answer is lost again."""
        kept = self._intent.beside
        if kept is None or kept == _MADE_WAY:
            return self._intent
        write = Write(operation=kept["operation"], resource=kept["resource"], body=kept["body"])
        done = self._send(write, kept["request_id"], kept["before"], again=True)
        return replace(self._intent, beside=_MADE_WAY if done or kept["made_way"] else None)

    def _send(self, write: Write, request_id: str, before: Json, *, again: bool) -> bool:
        done = self._outcome(write, request_id, again=again)
        if done is None:
            left = _MADE_WAY if self.made_way else None
            intents.commit_beside(self._connection, self._client.realm_id, self._intent.key, left)
            return False
        after = qbo_payment.parse(done) if write.operation == "update" else None
        audit.keep(self._connection, self._run, self._entry(request_id, qbo_payment.parse(before), after))
        intents.commit_beside(self._connection, self._client.realm_id, self._intent.key, _MADE_WAY)
        self._intent = replace(self._intent, beside=_MADE_WAY)
        return True

    def _outcome(self, write: Write, request_id: str, *, again: bool) -> Json | None:
        """The payment as it is then; None: nothing was done."""
        try:
            [result] = self._client.write([write], request_id=request_id, again=again)
        except OutcomeUnknown:
            if not self._keeps_breaking:
                raise
            return self._done_all_the_same(write)
        if isinstance(result, Fault):
            return self._done_all_the_same(write) if may_have_been_done(result) else None
        # An answer of 200 does not say that it was done (trap 19).
        is_done = qbo_record.is_deleted(result) if write.operation == "delete" else _pays_as_sent(result, write)
        return result if is_done else self._done_all_the_same(write)

    def _done_all_the_same(self, write: Write) -> Json | None:
        """What QuickBooks shows of a write that it may have done although it did not say so (trap 6)."""
        sent = qbo_record.version(write.body)
        try:
            found = self._client.read_alone(write.resource, sent.qbo_id)
        except RequestRefused:
            return None
        if isinstance(found, Fault):
            return {} if write.operation == "delete" and is_missing(found) else None
        if write.operation == "delete" or qbo_record.version(found).sync_token == sent.sync_token:
            return None
        return found if _pays_as_sent(found, write) else None

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
