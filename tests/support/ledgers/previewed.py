"""Whatever people have done on both sides: a preview says what the sync then does.

A history as in histories.py, without half-finished runs and lost answers; then a preview, then everything until nothing
is due. Nothing changes in between, so each record fares as the preview said.
"""

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from tests.support.bookkeeper import sale
from tests.support.ledgers.histories import EXTRAS, LAB, PICK, PRICES, SHARES, Ledgers, run_histories
from tests.support.ledgers.practice import share_of
from tests.support.previews import actual, differences, moment, predicted
from tests.support.quickbooks import Json
from tests.support.world import World

KINDS = ["none", "payment", "credit"]


class Previewed(Ledgers):
    """A history that ends with a preview and a sync."""

    run_to_quickbooks: Any = None
    run_to_the_lms: Any = None
    run_over_everything: Any = None
    go_on_with_a_run: Any = None
    run_that_loses_an_answer: Any = None

    @initialize(bills=st.lists(st.tuples(PICK, LAB, PRICES, EXTRAS, SHARES, st.sampled_from(KINDS)), max_size=12))
    def years_of_business(self, bills: list[tuple[int, int, Decimal, Decimal, int, str]]) -> None:
        """Invoices, some with a payment or credit on them."""
        for pick, lab, price, extra, share, kind in bills:
            self.invoice(pick, lab, price, discounted=extra, shipped=extra, taxed=extra)
            if kind != "none":
                newest = len(self.staff.invoices()) - 1
                self.pay(newest, share, extra, kind)

    def pay(self, number: int, share: int, more: Decimal, table: str) -> None:
        """A payment or credit for an invoice."""
        one = self.staff.invoices()[number]
        self.staff.receive(table, [one], [share_of(one["balance"], share)], more)

    @rule(pick=PICK, other=st.sampled_from(["no", "total", "day", "customer"]), share=st.sampled_from([0, 50, 100]))
    def the_bookkeeper_had_it_all_along(self, pick: int, other: str, share: int) -> None:
        """An invoice of the LMS stands in QuickBooks under the same number, paid or not, or one that looks like it."""
        unsent = self.staff.unsent()
        if not unsent:
            return
        one = unsent[pick % len(unsent)]
        account = self.world.sql("select * from lms.billing_account where id = %s", one["billing_account_id"])[0]
        customer = self._customer(account["name"])
        if customer and account["accounting_structure"] == "detailed" and one["doctor_office_id"]:
            pair = self.world.sql("select * from lms.doctor_office where id = %s", one["doctor_office_id"])[0]
            customer = self._customer(pair["child_subaccount_name"], parent=customer)
        if other == "customer":
            customer = self._customer("Walk-in")
        if customer is None:
            return
        bill = self.world.qbo.call(
            "invoice",
            {
                "CustomerRef": {"value": customer},
                "DocNumber": one["invoice_number"],
                "TxnDate": "2026-06-20" if other == "day" else one["invoice_date"].isoformat(),
                "Line": [sale(one["total_amount"] + (1 if other == "total" else 0))],
            },
        ).get("Invoice")
        if bill and share:
            paid = share_of(bill["TotalAmt"], share)
            self.books.receive(customer, paid, [(bill, paid)])

    def _customer(self, name: str, parent: str | None = None) -> str | None:
        """The customer of that name; a new one if nobody has it; None if a vendor or employee has."""
        for one in self.books.all("Customer", "WHERE Active IN (true, false)"):
            if one["DisplayName"] == name:
                return str(one["Id"])
        under: Json = {"Job": True, "ParentRef": {"value": parent}} if parent else {}
        made = self.world.qbo.call("customer", {"DisplayName": name, **under}).get("Customer")
        return str(made["Id"]) if made else None

    @rule(pick=PICK, kind=st.sampled_from(["Vendor", "Employee"]))
    def the_bookkeeper_knows_somebody_of_that_name(self, pick: int, kind: str) -> None:
        account = self.staff.accounts[pick % len(self.staff.accounts)]
        name = self.world.value("select name from lms.billing_account where id = %s", account)
        if kind == "Vendor":
            self.world.qbo.call("vendor", {"DisplayName": name})
        else:
            self.world.qbo.call("employee", {"DisplayName": name, "GivenName": name, "FamilyName": "Doe"})

    def teardown(self) -> None:
        """Preview, sync, compare. What is tried again some time later is tried now."""
        self._let_time_pass()
        said = predicted(self.world.preview())
        before = moment(self.world)
        self._quiet()
        assert differences(said, actual(self.world, before)) == []


def compare_previews(world: World, histories: int, seeded: int) -> None:
    """Histories whose previews come true."""
    run_histories(Previewed, world, histories, seeded)
