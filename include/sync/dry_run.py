"""The preview of all that a lab or a company has to sync: a dry run, in one transaction that is rolled back.

The flows are gone through in their order with the same reading, planning and checking as in their runs (steps.py). In
place of a load, each plan takes effect on the links only: what would be created, adopted, changed or deleted is linked
as it will be, so that what comes after it is planned as it will be. Nothing of the LMS is locked or written, QuickBooks
is only read, and other runs find their marks as they were. See docs/decisions/0023-preview.md.
"""

import itertools
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg

from include.company.company import CLOSING_DATE_AGE, Company, read_company, refresh_preferences, require_known
from include.company.runtime import Runtime
from include.model.money import ZERO
from include.model.payment import CreditApplication, Payment
from include.model.plan import WRITES, Cause
from include.model.record import Direction, Entity, RecordKey, Side
from include.model.staged import Duplicate, Fetched, LmsName, NamedRecord, QboPayment
from include.qbo.client import QboClient
from include.sync import links, marks, mass_delete, preview, staging
from include.sync.capture import capture
from include.sync.due import connected_companies
from include.sync.entity.base import ToQuickBooks
from include.sync.entity.customer import CustomerSync
from include.sync.entity.duplicates import as_duplicate, same_money
from include.sync.entity.product import ItemSync
from include.sync.flows import FLOWS, Flow
from include.sync.hand_over import is_for_this_run
from include.sync.lab import has_taker, is_still_on
from include.sync.plan.allocation import other_amounts, without
from include.sync.plan.invoice import target_balance
from include.sync.plan.order import in_write_order
from include.sync.plan.payment import flowing
from include.sync.refusals import PredictedRefusals
from include.sync.selection import Selection, require_sound
from include.sync.steps import Row, Sync, check_all, plan_all, read_both_sides
from include.sync.write import locks

log = logging.getLogger(__name__)

#: Invoices come to the LMS before payments and credits are planned: what QuickBooks says of a balance counts none of
#: those that have still to be sent.
_ORDER = (
    "billing_account_lms_to_qbo",
    "product_lms_to_qbo",
    "invoice_lms_to_qbo",
    "invoice_qbo_to_lms",
    "credit_lms_to_qbo",
    "payment_lms_to_qbo",
    "payment_qbo_to_lms",
)

#: Whatever waits for something that a later flow brings is planned again. More rounds than these bring nothing new.
_ROUNDS = 6

#: After these steps a record may be planned again.
_MAY_CHANGE = ("wait", "nothing")

_LOCK_TIMEOUT = "10s"
_COLLECT = Path(__file__).with_name("to_preview.sql").read_bytes()

#: The side whose records a direction looks at.
_FROM: Mapping[Direction, Side] = {"lms_to_qbo": "lms", "qbo_to_lms": "qbo"}

Place = tuple[Direction, RecordKey]


def companies(runtime: Runtime, realm_id: str | None, billing_lab_id: int | None) -> list[dict[str, Any]]:
    """The connected companies to preview: [{realm_id, name}]; the one asked for, the lab's, else all.

    Raises UnknownCompany, and BadSelection for a lab that is not connected.
    """
    with runtime.connect() as connection:
        require_known(connection, realm_id)
        require_sound(connection, realm_id, Selection(billing_lab_id=billing_lab_id))
        return connected_companies(connection, realm_id, billing_lab_id)


def preview_sync(runtime: Runtime, realm_id: str, billing_lab_id: int | None) -> dict[str, int]:
    """Preview what the lab (None: every lab of the company) has to sync, and keep it; the counts by step.

    What has changed on both sides is marked first, as every poll does. Raises what the client raises, and NotConnected.
    """
    capture(runtime, realm_id)
    with (
        runtime.connect() as connection,
        runtime.client(realm_id) as client,
        # A load that met a link of the dry run later would wait there, with locks that others need.
        locks.held(connection, realm_id, FLOWS.values()),
    ):
        refresh_preferences(connection, client, oldest=CLOSING_DATE_AGE)
        marks.dispatch(connection)
        connection.commit()
        try:
            # No trigger looks after what a link would set in motion.
            connection.execute("set local qbo_sync.origin = 'dry_run'")
            # Should somebody link the same record by hand just now.
            connection.execute(f"set local lock_timeout = '{_LOCK_TIMEOUT}'".encode())
            found = _plan_everything(connection, client, runtime, realm_id, billing_lab_id)
        finally:
            connection.rollback()
        counts = preview.keep(connection, runtime.run, realm_id, billing_lab_id, found)
        connection.commit()
    return counts


def _plan_everything(
    connection: psycopg.Connection, client: QboClient, runtime: Runtime, realm_id: str, lab: int | None
) -> preview.Found:
    company = read_company(connection, realm_id)
    started = {
        lab_id: replace(settings, started=settings.started or lab in (None, lab_id))
        for lab_id, settings in company.settings.items()
    }
    run = _DryRun(connection, client, runtime, replace(company, settings=started))
    rows = connection.execute(_COLLECT, {"realm": realm_id, "lab": lab}).fetchall()
    for direction, entity, record_id, lab_id in rows:
        run.look_at(direction, RecordKey(entity, record_id), lab_id)
    return run.go_through_flows()


@dataclass
class _DryRun:
    connection: psycopg.Connection
    client: QboClient
    runtime: Runtime
    company: Company
    #: What is to be planned, with the lab of each.
    pending: dict[Place, int | None] = field(default_factory=dict)
    #: The plans of each record that has been planned: more than one where a write is to be followed by another.
    planned: dict[Place, list[Row]] = field(default_factory=dict)
    held: list[preview.PreviewRecord] = field(default_factory=list)
    #: Records that would be deleted from a side by now, as that side names them.
    gone: dict[Side, set[RecordKey]] = field(default_factory=lambda: {"lms": set(), "qbo": set()})
    #: QuickBooks' records that would be as the LMS has just sent them: they bring nothing back.
    sent: set[RecordKey] = field(default_factory=set)
    #: Customers and items that would be new in QuickBooks by now, by resource and name.
    names: dict[tuple[str, str], NamedRecord] = field(default_factory=dict)
    #: Invoices that would be void in the LMS by now: the credits that QuickBooks knew of are free again.
    voided: set[RecordKey] = field(default_factory=set)
    #: Invoices that the LMS has deleted and nobody deletes in QuickBooks, by LMS id.
    kept: set[str] = field(default_factory=set)
    #: Payments of the LMS that would be as QuickBooks has them by now, or (None) be deleted, by QuickBooks id.
    received: dict[str, Payment | None] = field(default_factory=dict)
    #: Invoices of which a balance alone would be written to the LMS, not yet compared again.
    balances: list[Row] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        """What QuickBooks will refuse depends on what would be gone by then."""
        self.refusals = PredictedRefusals(self.connection, self.client, self.company, self.gone["qbo"])

    def look_at(self, direction: Direction, key: RecordKey, lab: int | None) -> None:
        """Plan this record, unless it has been written already, or deleted from where it would come."""
        before = self.planned.get((direction, key))
        waiting = not before or before[-1].planned.step in _MAY_CHANGE
        ours = direction == "qbo_to_lms" and key in self.sent
        if waiting and not ours and key not in self.gone[_FROM[direction]]:
            self.pending[direction, key] = lab

    def go_through_flows(self) -> preview.Found:
        """Go through all flows until nothing is left to plan; what was found."""
        for _ in range(_ROUNDS):
            for dag_id in _ORDER:
                if dag_id == "payment_qbo_to_lms":
                    self._compare_balances_again()
                self._flow(FLOWS[dag_id])
            self._look_again_at_waiting()
            if not self.pending:
                break
        else:
            log.warning("company %s: %d records are not planned to an end", self.company.realm_id, len(self.pending))
        found = preview.Found(records=self.held)
        for dag_id in _ORDER:
            flow = FLOWS[dag_id]
            for sync in flow.entities:
                records = [
                    record
                    for (direction, key), plans in self.planned.items()
                    if direction == flow.direction and key.entity == sync.entity
                    for record in plans
                ]
                found.add(self.connection, sync, records)
        return found

    # ------------------------------------------------------------------ planning

    def _flow(self, flow: Flow) -> None:
        labs: set[int | None] = set()
        for sync in flow.entities:
            own = {
                key: lab
                for (direction, key), lab in self.pending.items()
                if direction == flow.direction and key.entity == sync.entity
            }
            for key in own:
                del self.pending[flow.direction, key]
            if own:
                labs |= self._entity(flow, sync, own, labs)

    def _entity(
        self, flow: Flow, sync: Sync, own: dict[RecordKey, int | None], held_before: set[int | None]
    ) -> set[int | None]:
        """Read, plan and check these records, and let the plans take effect; the labs of which some are held."""
        realm_id, limit = self.company.realm_id, self.runtime.mass_delete_limit
        staging.stage_these(self.connection, self.runtime.run, realm_id, flow.direction, own)
        staged = staging.read(self.connection, self.runtime.run, realm_id, sync.entity, sync.row)
        records = [one for one in staged if is_still_on(self.company, one) and has_taker(self.company, one)]
        read_both_sides(self.connection, self.client, self.company, sync, records)
        if isinstance(sync, CustomerSync | ItemSync):
            self._names_as_they_will_be(sync, records)
        for record in records:
            self._as_it_will_be(record)
        held = plan_all(self.connection, self.company, sync, records, limit, released=False, held_before=held_before)
        check_all(flow.direction, sync, {realm_id: records})
        if flow.direction == "lms_to_qbo":
            self._wait_for_references(sync, records)
            self.refusals.predict(sync, records)
        for (entity, lab), count in held.too_many.items():
            self.held.append(_question(flow.direction, entity, lab, count, held.linked.get((entity, lab), 0)))
        for record in in_write_order(records):
            self._take_effect(sync, record)
        return held.labs

    def _compare_balances_again(self) -> None:
        """Where an invoice's balance alone differs: it may not any more once QuickBooks has what the LMS sends. As in
        the run, payments that are still to come from QuickBooks do not count."""
        for record in self.balances:
            there = self.refusals.open.get(record.record_id)
            if there is None:
                continue
            row = self.connection.execute(
                "select qbo_sync.unsynced_applications(%s, %s)", [self.company.realm_id, int(record.lms_id or 0)]
            ).fetchone()
            unsynced = row[0] if row else ZERO
            if record.lms and target_balance(there.balance, unsynced, voided=there.voided) == record.lms.balance:
                record.plan = replace(record.planned, step="nothing", cause=Cause.IN_STEP)
        self.balances.clear()

    def _wait_for_references(self, sync: Sync, records: Iterable[Row]) -> None:
        """As the load does with what refers to a record that is not linked by then (to_quickbooks.py)."""
        if not isinstance(sync, ToQuickBooks):
            return
        written = [
            (record, sync.references(record.planned.target))
            for record in records
            if record.planned.side == "qbo" and record.planned.step in ("create", "update") and record.planned.target
        ]
        ids = links.qbo_ids(self.connection, self.company.realm_id, {key for _, needed in written for key in needed})
        for record, needed in written:
            missing = next((key for key in needed if key not in ids), None)
            if missing:
                record.plan = replace(
                    record.planned, step="wait", cause=Cause.REFERENCE, waits_for=missing, problem=None
                )
                record.problems = []

    def _names_as_they_will_be(self, sync: CustomerSync | ItemSync, records: Iterable[Row]) -> None:
        """Customers and items that would be there by now bear their names."""
        taken = []
        for record in records:
            holder = self.names.get((sync.resource, record.lms.name.casefold())) if record.lms else None
            if holder and record.link is None:
                record.known.bearers = (*record.known.bearers, holder)
                taken.append(record)
        sync.propose_names(self.client, taken)

    def _remember_name(self, sync: CustomerSync | ItemSync, record: Row, qbo_id: str) -> None:
        lms = _named(record)
        owner = LmsName(key=record.key, name=lms.name, account=getattr(record.known, "account", None))
        self.names[sync.resource, lms.name.casefold()] = NamedRecord(
            kind=sync.resource,
            qbo_id=qbo_id,
            sync_token="0",  # noqa: S106 - a version
            name=lms.name,
            active=True,
            parent_id=getattr(record.known, "parent_id", None),
            parent_name=owner.account,
            linked_to=owner,
        )

    def _as_it_will_be(self, record: Row) -> None:
        """What an earlier plan has changed that is not in the links."""
        known = record.known
        if record.entity == "payment":
            # A mark that is still there would be gone: that invoice does not come.
            known.expected_qbo_invoices = tuple(
                id_ for id_ in known.expected_qbo_invoices if not self._is_settled("qbo_to_lms", "invoice", id_)
            )
            record.qbo = _without_deleted(record.qbo, {key.id for key in self.gone["qbo"] if key.entity == "invoice"})
        leaving = {key for key in self.gone["lms"] if key.entity == "invoice"}
        if record.entity in ("payment", "credit_application"):
            self._open_as_it_will_be(record)
            known.missing = tuple(key for key in known.missing if key not in leaving)
            known.expected_invoices = tuple(key for key in known.expected_invoices if key not in leaving)
        if record.entity == "payment" and record.lms and leaving:
            payment = record.lms.payment
            kept = without(payment.applications, leaving)
            record.lms = replace(record.lms, payment=replace(payment, applications=kept))
            if record.link and record.link.base:
                # QuickBooks has deleted the invoice, and taken it off the payment.
                base = record.link.base
                agreed = replace(base, applications=without(base.applications, leaving))
                record.link = replace(record.link, base=agreed)
        if record.entity == "payment":
            agreed_on = (
                {one.invoice.id for one in record.link.base.applications} if record.link and record.link.base else ()
            )
            known.invoice_ids = {
                qbo_id: id_ for qbo_id, id_ in known.invoice_ids.items() if id_ not in self.kept or id_ in agreed_on
            }
            known.duplicate = self._still_the_same_money(record, leaving)
        if isinstance(record.lms, CreditApplication):
            base = record.link.base if record.link else None
            freed = self.voided.intersection(one.invoice for one in base.applications) if base else set()
            record.lms = replace(record.lms, applications=without(record.lms.applications, leaving | freed))

    def _open_as_it_will_be(self, record: Row) -> None:
        """What earlier plans leave open of the invoices that it would take more of."""
        if record.link is None or record.lms is None:
            return
        applied = record.lms.applications if record.entity == "credit_application" else record.lms.payment.applications
        ids = links.qbo_ids(self.connection, self.company.realm_id, [one.invoice for one in applied])
        now = {key.id: self.refusals.open[id_].balance for key, id_ in ids.items() if id_ in self.refusals.open}
        record.known.open_balances = {**record.known.open_balances, **now}

    def _is_settled(self, direction: Direction, entity: Entity, record_id: str) -> bool:
        done = self.planned.get((direction, RecordKey(entity, record_id)), [])
        return bool(done) and done[-1].planned.step != "wait"

    def _look_again_at_waiting(self) -> None:
        for (direction, key), plans in list(self.planned.items()):
            record, plan = plans[-1], plans[-1].planned
            waits = plan.step == "wait" and is_for_this_run(record, plan)
            if waits and plan.waits_for != key and self._is_linked(direction, plan.waits_for):
                self.look_at(direction, key, record.billing_lab_id)

    def _is_linked(self, direction: Direction, key: RecordKey | None) -> bool:
        realm_id = self.company.realm_id
        if key is None:
            return False
        if direction == "lms_to_qbo":
            return bool(links.qbo_ids(self.connection, realm_id, [key]))
        return bool(links.lms_ids(self.connection, realm_id, key.entity, [key.id]))

    # ------------------------------------------------------------------ what a plan does to the links

    def _take_effect(self, sync: Sync, record: Row) -> None:
        plan, place = record.planned, (record.direction, record.key)
        if not is_for_this_run(record, plan):
            self._hand_over(record)
        elif self._somebody_was_quicker(sync, record):
            # As in the run, it is planned again.
            self.pending[place] = record.billing_lab_id
            return
        elif record.direction == "lms_to_qbo":
            self._in_quickbooks(sync, record)
        else:
            self._in_lms(record)
        plans = self.planned.setdefault(place, [])
        if plans and plans[-1].planned.step in _MAY_CHANGE:
            plans.pop()
        plans.append(record)
        if plan.step == "delete" and plan.waits_for:
            self.pending[place] = record.billing_lab_id  # made anew after that, for another customer
        elif plan.plan_again:
            self.pending[place] = record.billing_lab_id
        elif record.direction == "lms_to_qbo" and record.entity == "invoice" and plan.step == "nothing":
            if record.link and record.lms is None:
                self.kept.add(record.record_id)
        elif plan.cause is Cause.LINKED_TO_NOTHING and record.lms_id:
            # Not linked any more, it is sent like a new one.
            self.pending["lms_to_qbo", RecordKey(record.entity, record.lms_id)] = record.billing_lab_id

    def _hand_over(self, record: Row) -> None:
        plan = record.planned
        if plan.step not in WRITES and plan.step != "wait":
            return
        if record.direction == "lms_to_qbo" and record.qbo_id:
            self.look_at("qbo_to_lms", RecordKey(record.entity, record.qbo_id), record.billing_lab_id)
        elif record.direction == "qbo_to_lms" and record.lms_id:
            self.look_at("lms_to_qbo", RecordKey(record.entity, record.lms_id), record.billing_lab_id)

    def _somebody_was_quicker(self, sync: Sync, record: Row) -> bool:
        """What it would adopt, or its name, is another record's by now."""
        plan = record.planned
        if plan.step == "adopt" and plan.match:
            return self._is_taken(sync, record.direction, plan.match.id)
        if plan.step == "create" and isinstance(sync, CustomerSync | ItemSync):
            return (sync.resource, _named(record).name.casefold()) in self.names
        return False

    def _is_taken(self, sync: Sync, direction: Direction, match: str) -> bool:
        realm_id = self.company.realm_id
        if direction == "qbo_to_lms":
            return bool(links.qbo_ids(self.connection, realm_id, [RecordKey(sync.entity, match)]))
        same = sync.same_resource if isinstance(sync, ToQuickBooks) else (sync.entity,)
        return bool(links.linked_ids(self.connection, realm_id, same, [match]))

    def _in_quickbooks(self, sync: Sync, record: Row) -> None:
        plan, link = record.planned, record.link
        if plan.step == "create":
            qbo_id = links.provisional_qbo_id(next(self._numbers))
            self._link(record.key, qbo_id, record, "0")
            if isinstance(sync, CustomerSync | ItemSync):
                self._remember_name(sync, record, qbo_id)
        elif plan.step == "adopt" and plan.match:
            self._link(record.key, plan.match.id, record, plan.match.sync_token)
            if record.entity in ("invoice", "payment"):  # as hand_over.sync_back
                self.look_at("qbo_to_lms", RecordKey(record.entity, plan.match.id), record.billing_lab_id)
        elif plan.step in ("update", "rebase") and link:
            self._link(record.key, link.qbo_id, record, link.sync_token)
            if plan.step == "update":
                self.sent.add(RecordKey(record.entity, link.qbo_id))
                self.pending.pop(("qbo_to_lms", RecordKey(record.entity, link.qbo_id)), None)
        elif plan.step in ("delete", "unlink"):
            links.remove(self.connection, self.company.realm_id, record.key)
            if plan.step == "delete" and link:
                self._leaves("qbo", RecordKey(record.entity, link.qbo_id))
        settles = record.entity in ("payment", "credit_application")
        if settles and plan.step in ("adopt", "update", "rebase", "delete", "unlink"):
            self._look_at_balances(record)

    def _look_at_balances(self, record: Row) -> None:
        """What of an invoice was agreed to be settled changes, and its balance with it (balances.sql). A new payment or
        credit application shows in QuickBooks' invoice by itself."""
        plan, base = record.planned, record.link.base if record.link else None
        target = None if plan.step in ("delete", "unlink") else plan.target
        changed = other_amounts(base.applications if base else (), target.applications if target else ())
        rows = self.connection.execute(
            "select l.qbo_id, i.billing_lab_id from lms.invoice i"
            "  join qbo_sync.entity_link l on l.realm_id = %s and l.entity = 'invoice' and l.lms_id = i.id"
            " where i.id = any(%s)",
            [self.company.realm_id, [int(invoice.id) for invoice in changed if invoice.id.isdigit()]],
        )
        for qbo_id, lab in rows.fetchall():
            if not links.is_provisional(qbo_id):
                self.look_at("qbo_to_lms", RecordKey("invoice", qbo_id), lab)

    def _in_lms(self, record: Row) -> None:
        plan, link = record.planned, record.link
        token = record.fetched.sync_token if record.fetched else None
        if plan.step in ("create", "adopt"):
            lms_id = plan.match.id if plan.match else links.provisional_lms_id(next(self._numbers))
            self._link(RecordKey(record.entity, lms_id), record.record_id, record, token)
        elif plan.step in ("update", "rebase") and link and plan.target:
            key = RecordKey(record.entity, link.lms_id)
            self._link(key, record.record_id, record, token)
            if isinstance(plan.target, Payment):
                self._is_received(record.record_id, plan.target)
            if plan.cause is Cause.BALANCE:
                self.balances.append(record)
            if record.entity == "invoice" and plan.cause is Cause.VOIDED:
                self.voided.add(key)
                self._look_at_money_on(key, "credit_application")
        elif plan.step in ("delete", "unlink") and link:
            key = RecordKey(record.entity, link.lms_id)
            links.remove(self.connection, self.company.realm_id, key)
            if plan.step == "delete":
                self._leaves("lms", key)
            if record.entity == "payment":
                self._is_received(record.record_id, None)
            if plan.step == "delete" and record.entity == "invoice":
                self._look_at_money_on(key, "credit_application", "payment")

    def _leaves(self, side: Side, key: RecordKey) -> None:
        """It would not be there any more: nothing comes from it."""
        self.gone[side].add(key)
        direction: Direction = "lms_to_qbo" if side == "lms" else "qbo_to_lms"
        self.pending.pop((direction, key), None)

    def _is_received(self, qbo_id: str, payment: Payment | None) -> None:
        """The LMS has it as QuickBooks does by now: the question whether another is the same money is asked anew."""
        self.received[qbo_id] = payment
        for (direction, key), plans in list(self.planned.items()):
            problem = plans[-1].planned.problem
            if problem and problem.code == "possible_duplicate" and problem.detail["qbo_payment_id"] == qbo_id:
                del self.planned[direction, key]
                self.look_at(direction, key, plans[-1].billing_lab_id)

    def _still_the_same_money(self, record: Row, leaving: Collection[RecordKey]) -> Duplicate | None:
        """The payment of QuickBooks that it may be the same money as, if it still is once both are as they will be."""
        now: Duplicate | None = record.known.duplicate
        ours = flowing(record)
        if now is None or ours is None:
            return now
        if now.qbo_id in self.received:
            there = self.received[now.qbo_id]
            if there is None:
                return None
            now = as_duplicate(now.qbo_id, there, now.copy_id)
        now = replace(now, pays=tuple(id_ for id_ in now.pays if RecordKey("invoice", id_) not in leaving))
        return now if same_money(self.connection, ours, now) else None

    def _look_at_money_on(self, invoice: RecordKey, *entities: Entity) -> None:
        """The credits and payments that lose their applications to an invoice of the LMS."""
        rows = self.connection.execute(
            "select * from ("
            "  select 'credit_application' as entity, c.id::text, c.billing_lab_id from lms.credit c"
            "    join lms.credit_application a on a.credit_id = c.id where a.invoice_id = %(invoice)s union all"
            "  select 'payment', p.id::text, p.billing_lab_id from lms.payment p"
            "    join lms.payment_application a on a.payment_id = p.id where a.invoice_id = %(invoice)s) on_it"
            " where entity = any(%(entities)s)",
            {"invoice": int(invoice.id), "entities": list(entities)},
        )
        for entity, record_id, lab in rows.fetchall():
            self.look_at("lms_to_qbo", RecordKey(entity, record_id), lab)

    def _link(self, key: RecordKey, qbo_id: str, record: Row, token: str | None) -> None:
        links.store(self.connection, self.company.realm_id, key, qbo_id, record.planned.target, token)
        if record.link is None and not links.is_provisional(qbo_id):
            rows = self.connection.execute(
                "select record_entity, record_id, billing_lab_id from qbo_sync.errors_of_missing_link(%s, %s, %s)",
                [self.company.realm_id, key.entity, qbo_id],
            )
            for entity, record_id, lab in rows.fetchall():
                self.look_at("qbo_to_lms", RecordKey(entity, record_id), lab)


def _named(record: Row) -> Any:
    """The customer or item of the LMS that is created."""
    return record.lms


def _without_deleted(qbo: Fetched[Any] | None, invoices: Collection[str]) -> Fetched[Any] | None:
    """QuickBooks takes an invoice that is deleted off its payments."""
    found = qbo.record if qbo else None
    if not isinstance(found, QboPayment) or not set(invoices).intersection(found.invoices):
        return qbo
    kept = {id_: amount for id_, amount in found.invoices.items() if id_ not in invoices}
    freed = sum(found.invoices.values(), ZERO) - sum(kept.values(), ZERO)
    return Fetched(record=replace(found, invoices=kept, money_applied=max(found.money_applied - freed, ZERO)))


def _question(direction: Direction, entity: Entity, lab: int | None, count: int, linked: int) -> preview.PreviewRecord:
    """So many would go that a person has to be asked (rule 8.9)."""
    return preview.PreviewRecord(
        billing_lab_id=lab,
        entity=entity,
        side=preview.WRITTEN_SIDE[direction],
        step="fail",
        cause=Cause.MANY_AT_ONCE.value,
        problem=mass_delete.problem_of(direction, entity, count, linked),
    )
