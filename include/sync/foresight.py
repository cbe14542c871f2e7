"""What QuickBooks is going to refuse, as far as it can be asked: a preview says so before anything is sent.

A number that another invoice has (6140), money for another customer's invoice (620), more than is open (6000), an
invoice that was deleted there; and where it would make another total of an invoice. What only its answer to the write
tells (a setting of its own, a payment that was deposited) stays unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import psycopg

from include.company.company import Company
from include.lms.document import invoice_numbers
from include.model.invoice import Invoice
from include.model.money import ZERO, show
from include.model.payment import Application, CreditApplication, Payment
from include.model.plan import Plan, fail
from include.model.problem import Problem
from include.model.record import RecordKey
from include.model.staged import OpenBalance, QboInvoice, SettledBy, StagedRecord
from include.qbo import open_balance
from include.qbo.client import QboClient
from include.qbo.faults import Fault
from include.sync import fault_words, links
from include.sync.entity.applied import of_other_customers
from include.sync.entity.base import EntitySync
from include.sync.entity.payer import names_of
from include.sync.plan import problems
from include.sync.plan.order import in_write_order

Row = StagedRecord[Any, Any, Any, Any]
Sync = EntitySync[Any, Any, Any, Any]


@dataclass
class Foresight:
    """Remembers what the plans so far leave of numbers and of open balances."""

    connection: psycopg.Connection
    client: QboClient
    company: Company
    #: QuickBooks' invoices that would be deleted by now.
    gone: set[RecordKey]
    #: Numbers that new invoices would have by now, with their totals.
    numbers: dict[str, Invoice] = field(default_factory=dict)
    #: What would be open by now of each invoice in QuickBooks, by QuickBooks id.
    open: dict[str, OpenBalance] = field(default_factory=dict)

    def refuse(self, sync: Sync, records: Sequence[Row]) -> None:
        """Let those plans fail that QuickBooks would refuse, in the order in which they are written."""
        written = [one for one in records if one.planned.side == "qbo"]
        if sync.entity == "invoice":
            for record in in_write_order(written):
                if record.planned.step == "create":
                    self._new_number(record)
        elif sync.entity in ("payment", "credit_application"):
            ids = self._read_open(written)
            for record in in_write_order(written):
                self._apply(sync, record, ids)

    # ------------------------------------------------------------------ numbers

    def _new_number(self, record: Row) -> None:
        target: Invoice = _target(record)
        if not self.company.preferences.custom_transaction_numbers:
            return  # QuickBooks gives them
        holders = [*record.known.number_matches, *record.known.linked_number_matches]
        there = [one for one in holders if RecordKey("invoice", one.qbo_id) not in self.gone]
        if there or target.number in self.numbers:
            _fail(record, self._number_in_use(target, there))
            return
        self.numbers[target.number] = target
        if target.computed_total != target.total:
            record.problems = [problems.total_mismatch(target.number, target.total, target.computed_total)]

    def _number_in_use(self, target: Invoice, there: Sequence[QboInvoice]) -> Problem:
        noun = f"Invoice {target.number}"
        told = fault_words.explain(_fault("6140"), noun)
        if there:
            one = there[0]
            held = f"the invoice of {show(one.total)} for {one.customer_name}, dated {problems.day(one.date)}"
            return fault_words.number_in_use(told, noun, held, "Invoice", one.qbo_id)
        other = self.numbers[target.number]
        held = f"another invoice of Pilot with this number, of {show(other.total)}, dated {problems.day(other.date)}"
        return replace(told, message=f"{noun} cannot be created in QuickBooks: {held}, is created there first.")

    # ------------------------------------------------------------------ money

    def _read_open(self, records: Sequence[Row]) -> dict[RecordKey, str]:
        """Ask what is open of the invoices that these pay or would pay, where nobody has asked before; their ids."""
        wanted = {one.invoice for record in records for one in (*_wanted(record), *_held(record))}
        found = links.bases(self.connection, self.company.realm_id, "invoice", [key.id for key in wanted])
        ids = links.qbo_ids(self.connection, self.company.realm_id, wanted)
        new = {key: qbo_id for key, qbo_id in ids.items() if qbo_id not in self.open}
        self.open.update(open_balance.open_balances(self.client, list(new.values())))
        for key, qbo_id in new.items():
            base = found.get(key.id)
            if qbo_id not in self.open and base and links.is_rehearsed(qbo_id):
                self.open[qbo_id] = OpenBalance(
                    qbo_id=qbo_id,
                    number=base.number,
                    total=base.total,
                    balance=base.total,
                    voided=False,
                    settled_by=(),
                )
        return ids

    def _apply(self, sync: Sync, record: Row, ids: dict[RecordKey, str]) -> None:
        """Take what it pays from what is open, or say why QuickBooks would not."""
        plan: Plan[Any] = record.planned
        if plan.step not in ("create", "update", "delete"):
            return
        wanted = _wanted(record)
        problem = self._refusal(sync, record, ids) if wanted else None
        if problem:
            _fail(record, problem)
            return
        if plan.step == "create" and plan.waits_for:
            self._foresee_the_rest(sync, record)
        for one in _held(record):
            self._move(ids.get(one.invoice), -one.amount, record)
        for one in wanted:
            self._move(ids.get(one.invoice), one.amount, record)

    def _refusal(self, sync: Sync, record: Row, ids: dict[RecordKey, str]) -> Problem | None:
        wanted, noun, target = _wanted(record), sync.subject(record).noun, _target(record)
        others = self._other_customers(noun, target.customer, wanted)
        if others:
            return others
        deleted = [one for one in wanted if one.invoice in ids and ids[one.invoice] not in self.open]
        if deleted:
            lost = [{"TxnId": ids[one.invoice], "TxnType": "Invoice", "Amount": one.amount} for one in deleted]
            return fault_words.applied_to_deleted(fault_words.explain(_fault("610"), noun), noun, lost)
        pays = [(one.amount, self.open[ids[one.invoice]]) for one in wanted if one.invoice in ids]
        return problems.less_open(noun, pays, held_by=record.qbo_id)

    def _foresee_the_rest(self, sync: Sync, record: Row) -> None:
        """What of a credit cannot go with the rest is sent after it, and refused."""
        target = _target(record)
        ours = record.lms.applications if record.lms else ()
        rest = tuple(one for one in ours if one not in target.applications)
        problem = self._other_customers(sync.subject(record).noun, target.customer, rest)
        record.problems = [problem] if problem else record.problems

    def _other_customers(self, noun: str, customer: RecordKey, pays: Sequence[Application]) -> Problem | None:
        others = of_other_customers(self.connection, self.company.realm_id, pays, customer)
        if not others:
            return None
        bases = links.bases(self.connection, self.company.realm_id, "invoice", [key.id for key in others])
        numbers = invoice_numbers(self.connection, [key.id for key in others])
        names = names_of(self.connection, [customer, *(base.customer for base in bases.values())])
        owners = [
            f"invoice {numbers.get(key.id, key.id)} is for “{names.get(bases[key.id].customer, 'another customer')}”"
            for key in others
            if key.id in bases
        ]
        told = fault_words.explain(_fault("620"), noun)
        return fault_words.different_customers(told, noun, names.get(customer, "another customer"), owners)

    def _move(self, qbo_id: str | None, amount: Decimal, record: Row) -> None:
        there = self.open.get(qbo_id or "")
        document = record.planned.target or (record.link.base if record.link else None)
        if there is None or document is None:
            return
        by = record.qbo_id or f"{record.entity} {record.record_id}"
        own = sum((one.applied for one in there.settled_by if one.qbo_id == by), ZERO) + amount
        others = tuple(one for one in there.settled_by if one.qbo_id != by)
        settled = SettledBy(
            kind="CreditMemo" if isinstance(document, CreditApplication) else "Payment",
            qbo_id=by,
            payment_id=by,
            date=document.date,
            amount=document.amount if isinstance(document, Payment) else own,
            applied=own,
        )
        self.open[there.qbo_id] = replace(
            there, balance=there.balance - amount, settled_by=(*others, settled) if own else others
        )


def _target(record: Row) -> Any:
    return record.planned.target


def _wanted(record: Row) -> tuple[Application, ...]:
    target = record.planned.target
    return () if target is None or record.planned.step == "delete" else tuple(target.applications)


def _held(record: Row) -> tuple[Application, ...]:
    """What it takes off invoices already, as both sides agreed."""
    base = record.link.base if record.link else None
    return tuple(base.applications) if base else ()


def _fault(code: str) -> Fault:
    return Fault(status=400, code=code, message="", detail="")


def _fail(record: Row, problem: Problem) -> None:
    record.plan = fail(problem, "qbo", record.planned.target)
    record.problems = [problem]
