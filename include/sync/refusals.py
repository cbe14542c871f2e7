"""What QuickBooks is going to refuse, as far as it can be asked: a preview says so before anything is sent.

A number that another invoice has (6140), money for another customer's invoice (620), more than is open (6000), an
invoice that was deleted there; and where it would make another total of an invoice. What only its answer to the write
tells (a setting of its own, a payment that was deposited) stays unknown.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import psycopg

from include.company.company import Company
from include.model.invoice import Invoice
from include.model.money import ZERO, show
from include.model.payment import Application, CreditApplication, Payment
from include.model.plan import Plan, fail
from include.model.problem import Problem
from include.model.record import RecordKey
from include.model.staged import (
    LmsPayment,
    OpenBalance,
    Payer,
    QboCreditMemo,
    QboInvoice,
    QboPayment,
    SettledBy,
    StagedRecord,
)
from include.qbo import open_balance
from include.qbo import record as qbo_record
from include.qbo.client import QboClient
from include.qbo.customer import without_suffix
from include.qbo.faults import Fault
from include.sync import fault_words, links
from include.sync.entity.applied import of_other_customers
from include.sync.entity.base import EntitySync, ToQuickBooks
from include.sync.entity.payer import names_of, payers
from include.sync.plan import problems
from include.sync.plan.order import in_write_order

Row = StagedRecord[Any, Any, Any, Any]
Sync = EntitySync[Any, Any, Any, Any]


#: QuickBooks' name of them, ours, and what is linked to them.
_MADE_INACTIVE = (
    ("Customer", "customer", ("billing_account", "doctor_office")),
    ("Item", "product", ("product", "special_item")),
)

_INACTIVE = Fault(status=400, code="2500", message="", detail="inactive")


@dataclass
class PredictedRefusals:
    """Remembers what the plans so far leave of numbers and of open balances."""

    connection: psycopg.Connection
    client: QboClient
    company: Company
    #: QuickBooks' invoices that would be deleted by now.
    gone: set[RecordKey]
    #: Credit memos that were read, by their credits.
    memos: dict[RecordKey, QboCreditMemo] = field(default_factory=dict)
    #: Numbers that new invoices would have by now, with their totals.
    numbers: dict[str, Invoice] = field(default_factory=dict)
    #: What would be open by now of each invoice in QuickBooks, by QuickBooks id.
    open: dict[str, OpenBalance] = field(default_factory=dict)

    def predict(self, sync: Sync, records: Sequence[Row]) -> None:
        """Let those plans fail that QuickBooks would refuse, in the order in which they are written."""
        self.memos |= {one.key: one.fetched for one in records if isinstance(one.fetched, QboCreditMemo)}
        self._inactive(sync, [one for one in records if one.planned.side == "qbo" and _is_sent(one)])
        written = [one for one in records if one.planned.side == "qbo"]
        if sync.entity == "invoice":
            for record in in_write_order(written):
                if record.planned.step == "create":
                    self._new_number(record)
        elif sync.entity in ("payment", "credit_application"):
            ids = self._read_open(written)
            for record in in_write_order(written):
                self._apply(sync, record, ids)
            for record in written:
                if record.planned.step == "update" and record.planned.waits_for:
                    self._apply_the_rest(sync, record, ids)

    # ------------------------------------------------------------------ inactive customers and items

    def _inactive(self, sync: Sync, records: Sequence[Row]) -> None:
        """QuickBooks makes nothing new for an inactive customer, or with an inactive item, and gives nothing to one."""
        if not isinstance(sync, ToQuickBooks):
            return
        needed = {record.key: _new_references(sync, record) for record in records}
        ids = links.qbo_ids(self.connection, self.company.realm_id, {key for keys in needed.values() for key in keys})
        names = {
            key: words
            for resource, noun, entities in _MADE_INACTIVE
            for key, words in self._inactive_of(resource, noun, {k: i for k, i in ids.items() if k.entity in entities})
        }
        for record in records:
            inactive = [names[key] for key in needed[record.key] if key in names]
            if inactive:
                noun = sync.subject(record).noun
                _fail(record, fault_words.inactive(fault_words.explain(_INACTIVE, noun), noun, inactive))

    def _inactive_of(self, resource: str, noun: str, ids: dict[RecordKey, str]) -> Iterator[tuple[RecordKey, str]]:
        asked = sorted({id_ for id_ in ids.values() if not links.is_provisional(id_)})
        found = self.client.find(resource, "Id", asked, also="Active = false") if asked else []
        names = {qbo_record.version(one).qbo_id: qbo_record.name(one) for one in found}
        for key, qbo_id in ids.items():
            if qbo_id in names:
                yield key, f"the {noun} “{without_suffix(names[qbo_id])}”"

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
        wanted = {one.invoice for record in records for one in (*_wanted(record), *_held(record), *_rest(record))}
        found = links.bases(self.connection, self.company.realm_id, "invoice", [key.id for key in wanted])
        ids = links.qbo_ids(self.connection, self.company.realm_id, wanted)
        new = {key: qbo_id for key, qbo_id in ids.items() if qbo_id not in self.open}
        self.open.update(open_balance.open_balances(self.client, list(new.values())))
        for key, qbo_id in new.items():
            base = found.get(key.id)
            if qbo_id not in self.open and base and links.is_provisional(qbo_id):
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
            self._predict_the_rest(sync, record, ids)
        for qbo_id, amount in _held_in_quickbooks(record, ids).items():
            self._move(qbo_id, -amount, record)
        for one in wanted:
            self._move(ids.get(one.invoice), one.amount, record)

    def _refusal(self, sync: Sync, record: Row, ids: dict[RecordKey, str]) -> Problem | None:
        wanted, noun, target = _wanted(record), sync.subject(record).noun, _target(record)
        others = self._other_customers(noun, target, wanted, ids)
        if others:
            return others
        deleted = [one for one in wanted if one.invoice in ids and ids[one.invoice] not in self.open]
        if deleted:
            lost = [{"TxnId": ids[one.invoice], "TxnType": "Invoice", "Amount": one.amount} for one in deleted]
            return fault_words.applied_to_deleted(fault_words.explain(_fault("610"), noun), noun, lost)
        pays = [(one.amount, self.open[ids[one.invoice]]) for one in wanted if one.invoice in ids]
        return problems.less_open(noun, pays, held_by=record.qbo_id)

    def _predict_the_rest(self, sync: Sync, record: Row, ids: dict[RecordKey, str]) -> None:
        """What of a credit cannot go with the rest is sent after it, and refused."""
        problem = self._other_customers(sync.subject(record).noun, _target(record), _rest(record), ids)
        record.problems = [problem] if problem else record.problems

    def _apply_the_rest(self, sync: Sync, record: Row, ids: dict[RecordKey, str]) -> None:
        """Money that was released from some invoices goes to others once all have released theirs, or is refused."""
        rest = [one for one in _rest(record) if ids.get(one.invoice) in self.open]
        pays = [(one.amount, self.open[ids[one.invoice]]) for one in rest]
        noun = sync.subject(record).noun
        others = self._other_customers(noun, _target(record), rest, ids)
        problem = others or problems.less_open(noun, pays, held_by=record.qbo_id)
        if problem:
            record.problems = [problem]
            return
        for one in rest:
            self._move(ids[one.invoice], one.amount, record)

    def _other_customers(
        self, noun: str, target: Any, pays: Sequence[Application], ids: dict[RecordKey, str]
    ) -> Problem | None:
        """Whether some of the invoices are another's: as QuickBooks says of those that are there, else as they would be
        created."""
        customer, credit = target.customer, getattr(target, "credit", None)
        there = {one.invoice: self.open[ids[one.invoice]] for one in pays if ids.get(one.invoice) in self.open}
        asked = {key: found for key, found in there.items() if found.customer_id}
        whose = payers(self.connection, self.company.realm_id, [found.customer_id for found in asked.values()])
        owners = [
            f"invoice {found.number} is for “{found.customer_name}”"
            for found in asked.values()
            if not _may_pay(customer, whose.get(found.customer_id))
        ]
        memo = self.memos.get(credit) if credit else None
        if memo and not _may_pay(
            customer, payers(self.connection, self.company.realm_id, [memo.customer_id]).get(memo.customer_id)
        ):
            owners.append(f"credit memo {memo.qbo_id} is for “{memo.customer_name}”")
        new = [one for one in pays if one.invoice not in asked]
        others = of_other_customers(self.connection, self.company.realm_id, new, customer)
        bases = links.bases(self.connection, self.company.realm_id, "invoice", [key.id for key in others])
        names = names_of(self.connection, [customer, *(base.customer for base in bases.values())])
        owners += [
            f"invoice {bases[key.id].number} is for “{names.get(bases[key.id].customer, 'another customer')}”"
            for key in others
        ]
        told = fault_words.explain(_fault("620"), noun)
        mine = names.get(customer, "another customer")
        return fault_words.different_customers(told, noun, mine, owners) if owners else None

    def _move(self, qbo_id: str | None, amount: Decimal, record: Row) -> None:
        there = self.open.get(qbo_id or "")
        document = record.planned.target or (record.link.base if record.link else None)
        if there is None or document is None:
            return
        by = record.qbo_id or f"{record.entity} {record.record_id}"
        own = sum((one.applied for one in there.settled_by if one.payment_id == by), ZERO) + amount
        others = tuple(one for one in there.settled_by if one.payment_id != by)
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


def _may_pay(customer: RecordKey, payer: Payer | None) -> bool:
    """Whether QuickBooks applies money of a customer of ours to an invoice of that one: its own, and a main customer's
    to its sub-customers' (rule 7)."""
    if payer is None:
        return False
    main = customer.entity == "billing_account" and payer.owner.billing_account_id == customer.id
    return main or customer in (payer.key, *payer.keys)


def _is_sent(record: Row) -> bool:
    return record.planned.step in ("create", "update") and record.planned.target is not None


def _new_references(sync: ToQuickBooks[Any, Any, Any, Any], record: Row) -> list[RecordKey]:
    """What it refers to and did not before: what was made inactive since may stay (fact 9.2)."""
    base = record.link.base if record.link else None
    before = sync.references(base) if base else ()
    return [key for key in sync.references(record.planned.target) if key not in before]


def _target(record: Row) -> Any:
    return record.planned.target


def _wanted(record: Row) -> tuple[Application, ...]:
    target = record.planned.target
    return () if target is None or record.planned.step == "delete" else tuple(target.applications)


def _rest(record: Row) -> tuple[Application, ...]:
    """What the LMS applies besides what is sent now."""
    if record.lms is None or record.planned.target is None or not record.planned.waits_for:
        return ()
    ours = record.lms.payment.applications if isinstance(record.lms, LmsPayment) else record.lms.applications
    return tuple(one for one in ours if one not in record.planned.target.applications)


def _held(record: Row) -> tuple[Application, ...]:
    """What it takes off invoices already, as both sides agreed."""
    base = record.link.base if record.link else None
    return tuple(base.applications) if base else ()


def _held_in_quickbooks(record: Row, ids: dict[RecordKey, str]) -> dict[str, Decimal]:
    """What it takes off invoices there, by their QuickBooks ids: as QuickBooks says, if it was asked."""
    if isinstance(record.fetched, QboPayment):
        return dict(record.fetched.invoices)
    return {ids[one.invoice]: one.amount for one in _held(record) if one.invoice in ids}


def _fault(code: str) -> Fault:
    return Fault(status=400, code=code, message="", detail="")


def _fail(record: Row, problem: Problem) -> None:
    record.plan = fail(problem, "qbo", record.planned.target)
    record.problems = [problem]
