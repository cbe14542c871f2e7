"""Whatever people do on both sides, in whatever order the DAGs run: in the end both ledgers agree.

Each history is up to 40 steps of lab staff, the bookkeeper, changed settings and DAG runs that Hypothesis makes up.
Then comes a quiet period: everything is switched on and runs until nothing is due. After it
  - the ledgers agree in every synced field, and each record exists once on each side;
  - another run writes nothing to QuickBooks and nothing to the LMS;
  - the only sync errors are those that a step caused.
A failing history is printed as a program, shortened, with the seed that makes it again: PILOT_HISTORIES_SEED=….
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from functools import partial

from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from include.company.runtime import Runtime
from include.qbo.errors import OutcomeUnknown
from tests.support.bookkeeper import discount, sale, shipping
from tests.support.ledgers.agreement import OF_THE_COMPANY, differences, unequal
from tests.support.ledgers.practice import Bookkeeper, LabStaff, share_of
from tests.support.planting import plant
from tests.support.quickbooks import Json, make_company
from tests.support.world import LMS_TO_QBO, QBO_TO_LMS, Proof, World

PICK = st.integers(0, 7)
LAB = st.integers(0, 1)
PRICES = st.sampled_from([Decimal("50.00"), Decimal("99.99"), Decimal("150.00")])
#: How much of a balance is paid, in percent.
SHARES = st.sampled_from([30, 50, 100])
EXTRAS = st.sampled_from([Decimal(0), Decimal("3.21")])


#: Histories of one seed. They share a database; fewer of them keep it small.
AT_ONCE = 50

#: The ledger proof is made of histories that leave a multiple of so many records: of one in eight at most, and of the
#: same ones when Hypothesis runs a history again.
PROVED = 8


class Ledgers(RuleBasedStateMachine):
    """One or two labs and their company, on a database that all histories share."""

    def __init__(self, home: World) -> None:
        super().__init__()
        qbo = make_company(home.qbo.url)
        self.world = World(
            home.database_url, qbo, home.runtime, home.connection, page_url=home.page_url, pages=home.pages
        )
        self.world.lab = self.world.billing_lab("Bright Dental Lab")
        self.world.connect(self.world.lab, qbo)
        self.staff, self.books = LabStaff(self.world), Bookkeeper(self.world)
        self.staff.open_up()
        #: Runs that have stopped before their load; they may go on whenever it pleases them.
        self.stopped: list[Runtime] = []

    @initialize(priced=PRICES, shared=st.booleans(), synced=st.booleans())
    def a_first_invoice_for_each(self, priced: Decimal, shared: bool, synced: bool) -> None:
        if shared:
            self.staff.join()
        for number, pair in enumerate(self.staff.pairs[::2]):
            self.staff.invoice(self._lab(number), pair, priced)
        if synced:
            self._everything()

    def _lab(self, number: int) -> int:
        return self.staff.labs[number % len(self.staff.labs)]

    # ------------------------------------------------------------------------------------------ lab staff

    @rule(pick=PICK, lab=LAB, price=PRICES, discounted=EXTRAS, shipped=EXTRAS, taxed=EXTRAS)
    def invoice(
        self, pick: int, lab: int, price: Decimal, discounted: Decimal, shipped: Decimal, taxed: Decimal
    ) -> None:
        pair = self.staff.pairs[pick % len(self.staff.pairs)]
        self.staff.invoice(self._lab(lab), pair, price, discount=discounted, shipping=shipped, tax=taxed)

    @rule(pick=PICK)
    def edit_before_it_is_sent(self, pick: int) -> None:
        if one := _choose(self.staff.unsent(), pick):
            self.staff.raise_price(one, Decimal("10.00"))

    @rule(pick=PICK)
    def uninvoice(self, pick: int) -> None:
        if one := _choose([one for one in self.staff.invoices() if one["case_id"]], pick):
            self.staff.uninvoice(one)

    @rule(pick=PICK, share=SHARES, more=EXTRAS, across=st.booleans(), table=st.sampled_from(["payment", "credit"]))
    def pay_or_credit(self, pick: int, share: int, more: Decimal, across: bool, table: str) -> None:
        unpaid = [one for one in self.staff.invoices() if one["balance"] > 10]
        if first := _choose(unpaid, pick):
            customer = ("billing_lab_id", "billing_account_id", "doctor_office_id")
            same = [one for one in unpaid if all(one[name] == first[name] for name in customer)]
            paid = same if across else [first]
            self.staff.receive(table, paid, [share_of(one["balance"], share) for one in paid], more)

    @rule(pick=PICK, table=st.sampled_from(["payment", "credit"]), share=SHARES)
    def apply_otherwise(self, pick: int, table: str, share: int) -> None:
        if one := _choose(self.staff.money(table), pick):
            applied = self.staff.applied(table, one["id"])
            less = {invoice: share_of(amount, share) for invoice, amount in applied.items() if amount > 1}
            self.staff.apply(table, one["id"], dict(list(less.items())[: pick % 3]))

    @rule(pick=PICK, to=PICK, table=st.sampled_from(["payment", "credit"]))
    def apply_to_another_invoice(self, pick: int, to: int, table: str) -> None:
        """What it leaves may be taken by what has to leave that other invoice first."""
        if one := _choose(self.staff.money(table), pick):
            customer = ("billing_lab_id", "billing_account_id", "doctor_office_id")
            applied = self.staff.applied(table, one["id"])
            others = [
                invoice
                for invoice in self.staff.invoices()
                if invoice["balance"] > 1
                and invoice["id"] not in applied
                and all(invoice[name] == one[name] for name in customer)
            ]
            if applied and (other := _choose(others, to)):
                self.staff.apply(table, one["id"], {other["id"]: min(sum(applied.values()), other["balance"])})

    @rule(pick=PICK, table=st.sampled_from(["payment", "credit"]), more=EXTRAS)
    def correct_an_amount(self, pick: int, table: str, more: Decimal) -> None:
        if one := _choose(self.staff.money(table), pick):
            applied = sum(self.staff.applied(table, one["id"]).values())
            if applied + more > 0:
                self.staff.change_amount(table, one["id"], applied + more)

    @rule(pick=PICK, table=st.sampled_from(["payment", "credit"]))
    def delete_money(self, pick: int, table: str) -> None:
        if one := _choose(self.staff.money(table), pick):
            self.staff.delete(table, one["id"])

    @rule(pick=PICK, to=st.integers(0, 1))
    def move_a_pair(self, pick: int, to: int) -> None:
        self.staff.move(self.staff.pairs[pick % len(self.staff.pairs)], self.staff.accounts[to])

    @rule(pick=PICK, to=PICK, table=st.sampled_from(["payment", "credit"]), named=st.booleans(), freed=st.booleans())
    def give_money_to_another(self, pick: int, to: int, table: str, named: bool, freed: bool) -> None:
        """To another account or pair, taken off its invoices before or not."""
        if one := _choose(self.staff.money(table), pick):
            pair = self.staff.pairs[to % len(self.staff.pairs)]
            if freed:
                self.staff.apply(table, one["id"], {})
            self.staff.give(table, one["id"], pair if named else None, self.staff.account_of(pair))

    @rule(pick=PICK, to=PICK)
    def give_an_invoice_to_another(self, pick: int, to: int) -> None:
        if one := _choose(self.staff.invoices(), pick):
            pair = self.staff.pairs[to % len(self.staff.pairs)]
            self.staff.give("invoice", one["id"], pair, self.staff.account_of(pair))

    @rule(pick=PICK, first=st.booleans(), seen=st.booleans())
    def the_same_check_on_both_sides(self, pick: int, first: bool, seen: bool) -> None:
        """Lab staff and the bookkeeper enter it, in either order; the first may have been synced meanwhile."""
        known = [one for one in self.staff.invoices() if one["balance"] > 10 and self.world.link("invoice", one["id"])]
        one = _choose(known, pick)
        if one is None:
            return
        bill = next((b for b in self.books.all("Invoice") if b["Id"] == self._qbo_id(one)), None)
        if bill is None or bill["Balance"] < one["balance"]:
            return

        def by_the_bookkeeper() -> None:
            lines = [(bill, one["balance"])]
            self.books.receive(bill["CustomerRef"]["value"], one["balance"], lines, on="2026-06-17")

        def by_lab_staff() -> None:
            self.staff.receive("payment", [one], [one["balance"]], Decimal(0))

        before, after = (by_lab_staff, by_the_bookkeeper) if first else (by_the_bookkeeper, by_lab_staff)
        before()
        if seen:
            self._everything()
        after()

    def _qbo_id(self, invoice: Json) -> str | None:
        link = self.world.link("invoice", invoice["id"])
        return link["qbo_id"] if link else None

    @rule(pick=PICK, link=st.booleans())
    def answer_a_question(self, pick: int, link: bool) -> None:
        if one := _choose(self.staff.questions(), pick):
            self.staff.answer(one, link=link)

    @rule(which=st.integers(0, 1), structure=st.sampled_from(["combined", "detailed"]))
    def change_a_structure(self, which: int, structure: str) -> None:
        self.staff.structure(self.staff.accounts[which], structure)

    # ------------------------------------------------------------------------------------------ the bookkeeper

    @rule(pick=PICK, price=PRICES, shipped=EXTRAS, discounted=EXTRAS)
    def qbo_invoice(self, pick: int, price: Decimal, shipped: Decimal, discounted: Decimal) -> None:
        if customer := _choose(self.books.all("Customer"), pick):
            self.books.invoice(customer["Id"], *_lines(price, shipped, discounted))

    @rule(pick=PICK, price=PRICES, shipped=EXTRAS, discounted=EXTRAS)
    def qbo_edit_invoice(self, pick: int, price: Decimal, shipped: Decimal, discounted: Decimal) -> None:
        """A voided one comes to life again."""
        if one := _choose(self.books.all("Invoice"), pick):
            self.books.edit("Invoice", one, Line=_lines(price, shipped, discounted))

    @rule(pick=PICK, to=PICK)
    def qbo_move_invoice(self, pick: int, to: int) -> None:
        one, customer = _choose(self.books.all("Invoice"), pick), _choose(self.books.all("Customer"), to)
        if one and customer:
            self.books.edit("Invoice", one, CustomerRef={"value": customer["Id"]})

    @rule(pick=PICK, to=PICK, freed=st.booleans())
    def qbo_move_payment(self, pick: int, to: int, freed: bool) -> None:
        """What is applied to another customer's invoices QuickBooks refuses to move."""
        one, customer = _choose(self.books.money(), pick), _choose(self.books.all("Customer"), to)
        if one and customer:
            more: Json = {"Line": []} if freed else {}
            self.books.edit("Payment", one, CustomerRef={"value": customer["Id"]}, **more)

    @rule(pick=PICK, to=PICK)
    def qbo_move_credit(self, pick: int, to: int) -> None:
        one, customer = _choose(self.books.all("CreditMemo"), pick), _choose(self.books.all("Customer"), to)
        if one and customer:
            self.books.edit("CreditMemo", one, CustomerRef={"value": customer["Id"]})

    @rule(pick=PICK)
    def qbo_enter_an_invoice_again(self, pick: int) -> None:
        if one := _choose(self.books.all("Invoice"), pick):
            self.books.enter_again(one)

    @rule(pick=PICK, void=st.booleans())
    def qbo_remove_invoice(self, pick: int, void: bool) -> None:
        if one := _choose(self.books.all("Invoice"), pick):
            (self.books.void if void else self.books.delete)("Invoice", one)

    @rule(pick=PICK, share=SHARES, more=EXTRAS, across=st.booleans())
    def qbo_receive(self, pick: int, share: int, more: Decimal, across: bool) -> None:
        unpaid = [one for one in self.books.all("Invoice") if one["Balance"] > 10]
        if first := _choose(unpaid, pick):
            same = [one for one in unpaid if one["CustomerRef"]["value"] == first["CustomerRef"]["value"]]
            lines = [(one, share_of(one["Balance"], share)) for one in (same if across else [first])]
            self.books.receive(first["CustomerRef"]["value"], sum((a for _, a in lines), more), lines)

    @rule(pick=PICK, more=EXTRAS, unapply=st.booleans())
    def qbo_edit_payment(self, pick: int, more: Decimal, unapply: bool) -> None:
        if one := _choose(self.books.money(), pick):
            lines = [{"Amount": line["Amount"], "LinkedTxn": line["LinkedTxn"]} for line in one.get("Line", [])]
            kept = lines[:-1] if unapply else lines
            self.books.edit("Payment", one, TotalAmt=one["TotalAmt"] + more, Line=kept)

    @rule(pick=PICK, void=st.booleans())
    def qbo_remove_payment(self, pick: int, void: bool) -> None:
        if one := _choose(self.books.money(), pick):
            (self.books.void if void else self.books.delete)("Payment", one)

    @rule(pick=PICK, share=SHARES)
    def qbo_credit(self, pick: int, share: int) -> None:
        if one := _choose([one for one in self.books.all("Invoice") if one["Balance"] > 10], pick):
            self.books.credit(one, share_of(one["Balance"], share))

    @rule(pick=PICK)
    def qbo_customer(self, pick: int) -> None:
        self.books.add_customer(f"Walk-in {pick}")

    @rule(pick=PICK)
    def link_a_customer(self, pick: int) -> None:
        if one := _choose(self.books.not_linked(), pick):
            self.staff.link(one)

    @rule(pick=PICK)
    def qbo_make_inactive_or_active(self, pick: int) -> None:
        if one := _choose(self.books.all("Customer", "WHERE Active IN (true, false)"), pick):
            if one["Active"]:
                self.books.edit("Customer", one, Active=False)
            else:
                self.books.make_active(one)

    # ------------------------------------------------------------------------------------------ settings and DAGs

    @rule(lab=LAB, name=st.sampled_from(["sync_invoices", "sync_credits", "sync_payments"]), on=st.booleans())
    def switch(self, lab: int, name: str, on: bool) -> None:
        self.staff.settings(self._lab(lab), **{name: on})

    @rule(lab=LAB, direction=st.sampled_from(["lms_to_qbo", "qbo_to_lms", "both"]))
    def direct(self, lab: int, direction: str) -> None:
        self.staff.settings(self._lab(lab), direction=direction)

    @rule(lab=LAB, day=st.sampled_from([None, "2026-06-10", "2026-06-18", "2026-06-25"]))
    def begin_on(self, lab: int, day: str | None) -> None:
        """Between the invoices and the payments of the LMS, between those and QuickBooks', and after all of them."""
        self.staff.settings(self._lab(lab), sync_start_date=day)

    @rule(lab=st.none() | LAB)
    def receive_in(self, lab: int | None) -> None:
        """Which lab gets what is created in QuickBooks; none for a time."""
        for one in self.staff.labs:
            self.staff.settings(one, receives_qbo_transactions=False)
        if lab is not None:
            self.staff.settings(self._lab(lab), receives_qbo_transactions=True)

    @rule(dag_id=st.sampled_from(LMS_TO_QBO), finished=st.booleans())
    def run_to_quickbooks(self, dag_id: str, finished: bool) -> None:
        self._run(dag_id, finished=finished)

    @rule(dag_id=st.sampled_from(QBO_TO_LMS), finished=st.booleans())
    def run_to_the_lms(self, dag_id: str, finished: bool) -> None:
        self._run(dag_id, finished=finished)

    @rule(dag_id=st.sampled_from([*LMS_TO_QBO, *QBO_TO_LMS]))
    def run_over_everything(self, dag_id: str) -> None:
        self._run(dag_id, resync=True)

    @rule(pick=PICK)
    def go_on_with_a_run(self, pick: int) -> None:
        """One that others have overtaken: what it has planned may be out of date."""
        if self.stopped:
            stopped = self.stopped.pop(pick % len(self.stopped))
            # In a process of its own: the one that stopped may be dead, and its connections with it.
            run = replace(self.world.runtime, run=stopped.run)
            self.world.step("validate", run)
            self.world.load(run)

    @rule(
        dag_id=st.sampled_from(LMS_TO_QBO),
        operation=st.sampled_from(["create", "update", "delete"]),
        kind=st.sampled_from(["drop_connection", "http_500_after", "http_500", "fault_6000_after"]),
    )
    def run_that_loses_an_answer(self, dag_id: str, operation: str, kind: str) -> None:
        """What was sent may have been done or not, and nobody knows, or QuickBooks says that it refuses what it has
        done (trap 6): the next load finds out."""
        fault = {"kind": kind, "operation": operation, "times": 1, "realm": self.world.qbo.realm}
        self.world.qbo.control("POST", "faults", fault)
        with suppress(OutcomeUnknown):
            self._run(dag_id)
        self.world.qbo.control("DELETE", "faults")

    @rule()
    def capture(self) -> None:
        self._capture()

    @rule()
    def everything_once(self) -> None:
        self._everything()

    def _everything(self) -> None:
        for dag_id in LMS_TO_QBO:
            self._run(dag_id)
        self._capture()
        for dag_id in QBO_TO_LMS:
            self._run(dag_id)

    def _capture(self) -> None:
        self.world.capture()

    def _run(self, dag_id: str, *, finished: bool = True, resync: bool = False) -> None:
        """One run of a DAG for this company; one that is not finished dies before its load."""
        if not resync and self._nothing_to_look_at():
            return  # as companies() would say, at a twentieth of its price
        self._work(dag_id, finished=finished, resync=resync)

    def _work(self, dag_id: str, *, finished: bool, resync: bool) -> None:
        run = self.world.as_run(dag_id)
        if not self.world.companies(run, self.world.qbo.realm, resync=resync):
            return
        if finished:
            with suppress(OutcomeUnknown):
                self.world.steps(run)
        else:
            self.world.step("extract", run)
            self.world.step("transform", run)
            self.stopped.append(run)

    def _nothing_to_look_at(self) -> bool:
        """Neither a mark, nor a change or an error that becomes one, nor a write that is not finished."""
        return not self.world.value(
            "select exists (select from qbo_sync.lms_change)"
            "    or exists (select from qbo_sync.change_mark where realm_id = %s)"
            "    or exists (select from qbo_sync.write_intent where realm_id = %s)"
            "    or exists (select from qbo_sync.sync_error where realm_id = %s and status = 'open'"
            "                  and (retry_at <= clock_timestamp() or error_code = 'customer_not_linked'))",
            *[self.world.qbo.realm] * 3,
        )

    # ------------------------------------------------------------------------------------------ in the end

    def everything_on(self) -> None:
        """As a lab usually has it."""
        self.receive_in(0)
        for lab in self.staff.labs:
            on = {"sync_invoices": True, "sync_credits": True, "sync_payments": True}
            self.staff.settings(lab, direction="both", sync_start_date=None, **on)

    def put_customers_right(self) -> None:
        """Each is active, and linked."""
        for customer in self.books.all("Customer", "WHERE Active = false"):
            self.books.make_active(customer)
        for customer in self.books.not_linked():
            self.staff.link(customer)

    def tell_invoices_apart(self) -> bool:
        """The bookkeeper gives invoices to the customers that Pilot names, as advised; whether there was one."""
        mixed_up = self.books.told_apart_by_customer()
        for invoice, right in mixed_up:
            self.books.edit("Invoice", invoice, CustomerRef={"value": right})
        return bool(mixed_up)

    def teardown(self) -> None:
        self.everything_on()
        self.put_customers_right()
        self._quiet()
        while questions := self.staff.questions():
            self.staff.answer(questions[0], link=True)
            self._quiet()
        if self.tell_invoices_apart():
            self._quiet()
        found = differences(self.world, restructured=self.staff.restructured)
        assert not found, "\n".join(found)
        before = self._lms()
        self.world.qbo.control("POST", "stats/reset")
        self._quiet()
        assert self.world.qbo.control("GET", "stats")["writes"]["total"] == 0
        assert self._lms() == before
        records = [*self.staff.invoices(), *self.staff.money("payment"), *self.staff.money("credit")]
        if len(records) % PROVED == 0:
            self._prove()

    def _prove(self) -> None:
        """The ledger proof names just what the two ledgers do not have alike, and has an explanation for each of it;
        and then what is planted, which nothing explains."""
        before = self._named(self.world.prove())
        assert before.keys() == unequal(self.world, restructured=self.staff.restructured)
        assert not before.keys() & {key for key, explained in before.items() if not explained}
        planted = plant(self.world, before)
        after = self._named(self.world.prove())
        assert after.keys() == unequal(self.world, restructured=self.staff.restructured)
        assert {key for key, explained in after.items() if not explained} == planted

    @staticmethod
    def _named(proof: Proof) -> dict[tuple[str, str], bool]:
        """What it names, and whether it is explained; not what the bookkeeper has in QuickBooks alone."""
        return {
            (one["entity"], str(one["lms_id"] or f"unlinked {one['qbo_id']}")): one["explained"]
            for one in proof.difference
            if one["cause"] != "quickbooks_only"
        }

    def _quiet(self) -> None:
        """Run everything until nothing is due; at least once after the last thing that was."""
        due = self._let_time_pass()
        for _ in range(12):
            self._everything()
            due = self._let_time_pass()
            if not due:
                return
        raise AssertionError(f"still due: {due}")

    def _let_time_pass(self) -> list[Json]:
        """What is due once waiting and abandoned marks have bided their time and requests are long settled."""
        realm = self.world.qbo.realm
        # What was applied before its room was free is tried again soon.
        self.world.sql(
            "update qbo_sync.sync_error set retry_at = now() where realm_id = %s and error_code = 'qbo_6000'"
            "   and status = 'open' and attempts < 3",
            realm,
        )
        if self._nothing_to_look_at():
            return []
        self.world.sql(
            "update qbo_sync.change_mark set attempt_after = null, extracted_at = null where realm_id = %s", realm
        )
        self.world.sql(
            "update qbo_sync.write_request set created_at = created_at - interval '5 minutes',"
            " sent_at = sent_at - interval '5 minutes' where realm_id = %s",
            realm,
        )
        # Errors whose retry has come become marks.
        self.world.sql("select qbo_sync.dispatch_lms_changes()")
        return self.world.sql("select * from qbo_sync.due_mark where realm_id = %s", realm)

    def _lms(self) -> Json:
        """The labs' ledger as it is in the LMS."""
        return {
            table: self.world.sql(f"select * from lms.{table} where {OF_THE_COMPANY} order by id", self.world.qbo.realm)
            for table in ("invoice", "payment", "credit", "lab_case")
        }


def _choose(records: list[Json], pick: int) -> Json | None:
    return records[pick % len(records)] if records else None


def _lines(price: Decimal, shipped: Decimal, discounted: Decimal) -> list[Json]:
    return [sale(price), *([shipping(shipped)] if shipped else []), *([discount(discounted)] if discounted else [])]


def run_histories(
    machine: Callable[[World], Ledgers], world: World, histories: int, seeded: int, steps: int = 40
) -> None:
    """Run so many histories of this kind; the same ones for the same seed."""
    print(f"PILOT_HISTORIES_SEED={seeded}")
    run_state_machine_as_test(
        seed(seeded)(partial(machine, world)),  # type: ignore[arg-type]  # it calls what makes one
        settings=settings(
            max_examples=histories,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def agree(world: World, histories: int, seeded: int) -> None:
    """Histories after which both ledgers agree."""
    run_histories(Ledgers, world, histories, seeded)
