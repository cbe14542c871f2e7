"""Whatever people have done on both sides: undo brings both ledgers back to where they were before the runs.

A history as in histories.py, then quiet. Then people go on on one side, the DAGs of that direction run once each, and
their runs are undone, the last one first. The other side is as it was, but for what is left and listed.
"""

from collections import Counter
from decimal import Decimal
from typing import Any

from include.company.runtime import Run
from include.model.money import ZERO
from tests.support.bookkeeper import sale
from tests.support.ledgers.histories import Ledgers, run_histories
from tests.support.world import LMS_TO_QBO, QBO_TO_LMS, World

#: What stays although nobody else has changed it.
_STAYS = "Customers and items stay"


class Undone(Ledgers):
    """A history that ends with runs and their undo."""

    run_that_loses_an_answer: Any = None

    def teardown(self) -> None:
        """Go on in Pilot, undo; go on in QuickBooks, undo."""
        self._quiet()
        before = self._quickbooks()
        self._go_on_in_pilot()
        left = self._run_and_undo(LMS_TO_QBO)
        assert (left, self._quickbooks()) == ({}, before)
        self._let_time_pass()
        pilot = self.world.lms_ledger()
        self._go_on_in_quickbooks()
        self.world.capture()
        left = self._run_and_undo(QBO_TO_LMS)
        assert (left, self.world.lms_ledger()) == ({}, pilot)

    def _run_and_undo(self, dag_ids: tuple[str, ...]) -> dict[tuple[str, str], str]:
        """Run each once and take the runs back: what was left, and why, beside what always stays."""
        runs = []
        for dag_id in dag_ids:
            run = self.world.as_run(dag_id)
            for realm in self.world.companies(run, self.world.qbo.realm):
                self.world.steps(run, realm)
            runs.append(Run(dag_id=dag_id, run_id=run.run.run_id))
        left: dict[tuple[str, str], str] = {}
        for undone in reversed(runs):
            self.world.undo(undone)
            left |= {key: why for key, why in self.world.undo_left().items() if not why.startswith(_STAYS)}
        return left

    def _go_on_in_pilot(self) -> None:
        """A new invoice that is paid, a payment more and one less, a credit."""
        for pick in range(2):
            pair = self.staff.pairs[pick % len(self.staff.pairs)]
            self.staff.invoice(self.world.lab, pair, Decimal(50), discount=ZERO, shipping=ZERO, tax=ZERO)
        first, second = self.staff.invoices()[-2:]
        self.staff.receive("payment", [first], [first["balance"] / 2], ZERO)
        self.staff.receive("credit", [second], [second["balance"] / 5], second["balance"])
        payments = self.staff.money("payment")
        if len(payments) > 2:
            self.staff.delete("payment", payments[0]["id"])
        if len(payments) > 1 and not self.staff.applied("payment", payments[1]["id"]):
            self.staff.change_amount("payment", payments[1]["id"], payments[1]["amount"] + 1)

    def _go_on_in_quickbooks(self) -> None:
        """An invoice is changed, one is deleted, one is entered, and a payment is."""
        found = self.world.qbo.all("Invoice")
        if len(found) > 1:
            self.books.edit("Invoice", found[0], Line=[sale("77.00")])
            self.books.delete("Invoice", found[1])
        if found:
            customer = found[0]["CustomerRef"]["value"]
            self.books.invoice(customer, sale("33.00"))
            self.books.receive(customer, found[0]["TotalAmt"], [])

    def _quickbooks(self) -> Counter[Any]:
        """What the company's ledger comes to, record by record, without QuickBooks' own ids and versions."""
        return Counter(
            (
                entity,
                one.get("DocNumber"),
                one["TxnDate"],
                one["CustomerRef"]["value"],
                one["TotalAmt"],
                one.get("Balance", one.get("UnappliedAmt")),
            )
            for entity in ("Invoice", "Payment", "CreditMemo")
            for one in self.world.qbo.all(entity)
        )


def undo_runs(world: World, histories: int, seeded: int) -> None:
    """Histories whose last runs are taken back."""
    run_histories(Undone, world, histories, seeded, steps=30)
