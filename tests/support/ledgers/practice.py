"""What people do on either side: lab staff in the LMS, the bookkeeper in QuickBooks. Money is `Decimal` dollars."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal

from include.model.money import ZERO, to_cents
from include.qbo.customer import without_suffix
from include.sync.customer_link import CannotLink
from include.sync.payment_link import link_payment
from tests.support.bookkeeper import pays, sale
from tests.support.quickbooks import Json
from tests.support.world import World

Lines = Sequence[tuple[Json, Decimal]]
ON = "2026-06-20"


def share_of(amount: Decimal, percent: int) -> Decimal:
    """So much of it, to the cent."""
    return to_cents(amount * percent / 100)


@dataclass
class LabStaff:
    """The LMS application: whoever changes applications keeps the balances of their invoices."""

    world: World
    #: The first receives what is created in QuickBooks, unless somebody has changed that.
    labs: list[int] = field(default_factory=list)
    accounts: list[int] = field(default_factory=list)
    pairs: list[int] = field(default_factory=list)
    product: int = 0
    #: An account's structure was changed, or a pair moved.
    restructured: bool = False

    def open_up(self) -> None:
        """A combined and a detailed account with two doctor–office pairs each, and a product."""
        self.labs = [self.world.lab]
        self.accounts = [self.world.account(), self.world.account(structure="detailed")]
        self.pairs = [self.world.pair(account) for account in self.accounts for _ in range(2)]
        self.product = self.world.product()

    def invoices(self) -> list[Json]:
        """All of the labs, the oldest first."""
        return self.world.sql("select * from lms.invoice where billing_lab_id = any(%s) order by id", self.labs)

    def unsent(self) -> list[Json]:
        """Those of which QuickBooks cannot know anything yet. Corrected later, one has another total there, which is
        told (`total_mismatch`)."""
        return self.world.sql(
            "select * from lms.invoice i where billing_lab_id = any(%s)"
            "   and not exists (select from qbo_sync.entity_link l where l.entity = 'invoice' and l.lms_id = i.id)"
            "   and i.id::text not in (select record_id from qbo_sync.write_intent where entity = 'invoice' union all"
            "                          select record_id from qbo_sync.unconfirmed_create where entity = 'invoice')"
            " order by id",
            self.labs,
        )

    def money(self, table: str) -> list[Json]:
        """All payments or credits of the labs, the oldest first."""
        return self.world.sql(f"select * from lms.{table} where billing_lab_id = any(%s) order by id", self.labs)

    def join(self) -> None:
        """A second lab that sends its invoices to the same company."""
        self.labs.append(self.world.billing_lab("Bright Dental Lab East"))
        self.world.connect(self.labs[1], self.world.qbo)

    def invoice(
        self,
        lab: int,
        pair: int,
        price: Decimal,
        *,
        discount: Decimal = ZERO,
        shipping: Decimal = ZERO,
        tax: Decimal = ZERO,
    ) -> None:
        """Invoice a new case of one line."""
        line = {"product": self.product, "price": str(price), "discount": str(discount), "notation": "shade A2"}
        case = self.world.case(pair, [line], notes="rush", lab=lab)
        self.world.invoice(case, shipping=str(shipping), tax=str(tax))

    def raise_price(self, invoice: Json, more: Decimal) -> None:
        """Correct an invoice: its first line costs more."""
        self.world.sql(
            "with dearer as (update lms.invoice_line_item set unit_price = unit_price + %s, amount = amount + %s"
            "                 where invoice_id = %s and position = 1)"
            " update lms.invoice set subtotal = subtotal + %s, total_amount = total_amount + %s, balance = balance + %s"
            "  where id = %s",
            *[more, more, invoice["id"], more, more, more, invoice["id"]],
        )

    def uninvoice(self, invoice: Json) -> None:
        """Un-invoice the case. What was applied to the invoice is free again."""
        self.world.sql("select lms.uninvoice_case(%s)", invoice["case_id"])

    def receive(self, table: str, invoices: Sequence[Json], amounts: Sequence[Decimal], more: Decimal) -> None:
        """A payment or credit for the customer of these invoices, with `more` that is not applied."""
        first = invoices[0]
        made = self.world.value(
            f"insert into lms.{table} (billing_lab_id, billing_account_id, doctor_office_id, {table}_date, amount)"
            " values (%s, %s, %s, '2026-06-15', %s) returning id",
            first["billing_lab_id"],
            first["billing_account_id"],
            first["doctor_office_id"],
            sum(amounts) + more,
        )
        self.apply(table, made, {one["id"]: amount for one, amount in zip(invoices, amounts, strict=True)})

    def apply(self, table: str, record: int, applied: Mapping[int, Decimal]) -> None:
        """Replace the applications, and move the balances by the difference."""
        self.world.sql(
            f"with gone as (delete from lms.{table}_application where {table}_id = %s returning invoice_id, amount)"
            " update lms.invoice i set balance = balance + gone.amount from gone where i.id = gone.invoice_id",
            record,
        )
        for invoice, amount in applied.items():
            self.world.sql(
                f"with made as (insert into lms.{table}_application ({table}_id, invoice_id, amount)"
                "               values (%s, %s, %s) returning invoice_id, amount)"
                " update lms.invoice i set balance = balance - made.amount from made where i.id = made.invoice_id",
                record,
                invoice,
                amount,
            )

    def applied(self, table: str, record: int) -> dict[int, Decimal]:
        """Invoice → amount."""
        rows = self.world.sql(f"select * from lms.{table}_application where {table}_id = %s order by 2", record)
        return {row["invoice_id"]: row["amount"] for row in rows}

    def change_amount(self, table: str, record: int, amount: Decimal) -> None:
        """Correct the amount."""
        self.world.sql(f"update lms.{table} set amount = %s where id = %s", amount, record)

    def delete(self, table: str, record: int) -> None:
        """Delete a payment or credit."""
        self.apply(table, record, {})
        self.world.sql(f"delete from lms.{table} where id = %s", record)

    def move(self, pair: int, account: int) -> None:
        """A doctor–office pair goes to another account."""
        self.restructured = True
        self.world.sql("update lms.doctor_office set billing_account_id = %s where id = %s", account, pair)

    def give(self, table: str, record: int, pair: int | None, account: int) -> None:
        """A payment, credit or invoice gets another account, and a pair of it or none."""
        self.world.sql(
            f"update lms.{table} set billing_account_id = %s, doctor_office_id = %s where id = %s",
            account,
            pair,
            record,
        )

    def account_of(self, pair: int) -> int:
        """The account that a pair belongs to now."""
        account: int = self.world.value("select billing_account_id from lms.doctor_office where id = %s", pair)
        return account

    def questions(self) -> list[Json]:
        """Payments that may be the same money, and about which nobody has said anything yet. One that is deleted in the
        meantime cannot be linked, and the next run ends the question."""
        return self.world.sql(
            "select * from qbo_sync.sync_error where realm_id = %s and status = 'open'"
            "   and error_code = 'possible_duplicate'"
            "   and exists (select from lms.payment p where p.id = lms_id) order by id",
            self.world.qbo.realm,
        )

    def answer(self, question: Json, *, link: bool) -> None:
        """The two payments are one, or they are two."""
        if not link:
            self.world.sql("update qbo_sync.sync_error set status = 'ignored' where id = %s", question["id"])
            return
        # QuickBooks' payment may be linked by now, after another question: the page refuses it, and nothing happens.
        with suppress(CannotLink), self.world.connection.transaction():
            payment = question["detail"]["qbo_payment_id"]
            link_payment(self.world.connection, question["realm_id"], question["lms_id"], payment)

    def structure(self, account: int, structure: str) -> None:
        """Combined or detailed."""
        self.restructured = True
        self.world.sql("update lms.billing_account set accounting_structure = %s where id = %s", structure, account)

    def settings(self, lab: int, **columns: object) -> None:
        """Settings of a lab's connection."""
        for name, value in columns.items():
            self.world.sql(f"update qbo_sync.connection set {name} = %s where billing_lab_id = %s", value, lab)

    def link(self, customer: Json) -> None:
        """Link a customer of the bookkeeper's to a new account, by hand."""
        self.world.sql(
            "insert into qbo_sync.entity_link (realm_id, entity, lms_id, qbo_id)"
            " values (%s, 'billing_account', %s, %s)",
            self.world.qbo.realm,
            self.world.account(),
            customer["Id"],
        )


@dataclass
class Bookkeeper:
    """QuickBooks by its public API. What QuickBooks refuses, it says on the screen, and nothing happens."""

    world: World

    def all(self, entity: str, where: str = "") -> list[Json]:
        """Every record, the oldest first."""
        return self.world.qbo.all(entity, where)

    def not_linked(self) -> list[Json]:
        """Customers that the bookkeeper has added, and that nobody has linked to Pilot yet."""
        known = self._linked()
        return [one for one in self.all("Customer", "WHERE DisplayName LIKE 'Walk-in%'") if one["Id"] not in known]

    def _linked(self) -> set[str]:
        links = self.world.sql(
            "select qbo_id from qbo_sync.entity_link where realm_id = %s"
            "   and entity in ('billing_account', 'doctor_office')",
            self.world.qbo.realm,
        )
        return {link["qbo_id"] for link in links}

    def make_active(self, customer: Json) -> None:
        """QuickBooks keeps the “ (deleted)” in its name. Pilot gives a linked one its own name back. She gives it to
        the others, which Pilot may have made without knowing it yet, unless a third has it by now."""
        if customer["Id"] not in self._linked():
            self.edit("Customer", customer, Active=True, DisplayName=without_suffix(customer["DisplayName"]))
        self.edit("Customer", customer, Active=True)  # nothing happens if it is done

    def told_apart_by_customer(self) -> list[tuple[Json, str]]:
        """Invoices of hers that Pilot cannot tell from one of its own with the same number, which is for another
        customer: she gave a new one to another, and entered it anew, before Pilot knew of it. And whose they are in
        Pilot (QuickBooks id)."""
        errors = self.world.sql(
            "select e.record_id, l.qbo_id from qbo_sync.sync_error e"
            "  join lms.invoice i on i.id = (e.detail -> 'candidates' ->> 0)::bigint"
            "  join lms.billing_account a on a.id = i.billing_account_id"
            "  join qbo_sync.entity_link l on l.realm_id = e.realm_id and case"
            "       when a.accounting_structure = 'detailed' and i.doctor_office_id is not null"
            "       then l.entity = 'doctor_office' and l.lms_id = i.doctor_office_id"
            "       else l.entity = 'billing_account' and l.lms_id = i.billing_account_id end"
            " where e.realm_id = %s and e.status = 'open' and e.error_code = 'ambiguous_match'"
            "   and e.direction = 'qbo_to_lms' and e.detail ->> 'customer_id' <> l.qbo_id",
            self.world.qbo.realm,
        )
        invoices = {one["Id"]: one for one in self.all("Invoice")}
        return [(invoices[one["record_id"]], one["qbo_id"]) for one in errors]

    def add_customer(self, name: str) -> None:
        """A customer that Pilot does not know."""
        self.world.qbo.call("customer", {"DisplayName": name})

    def money(self) -> list[Json]:
        """Payments with money in them: not those that only join a credit memo to invoices."""
        return [payment for payment in self.all("Payment") if payment["TotalAmt"] > 0]

    def invoice(self, customer: str, *lines: Json) -> None:
        """Enter an invoice."""
        self.world.qbo.call("invoice", {"CustomerRef": {"value": customer}, "TxnDate": ON, "Line": list(lines)})

    def enter_again(self, invoice: Json) -> None:
        """Delete an invoice and enter it once more, with the same number."""
        self.delete("Invoice", invoice)
        again: Json = {name: invoice[name] for name in ("CustomerRef", "TxnDate", "DocNumber") if name in invoice}
        lines = [line for line in invoice["Line"] if line["DetailType"] == "SalesItemLineDetail" and line["Amount"]]
        if lines:
            plain = [{key: value for key, value in line.items() if key not in ("Id", "LineNum")} for line in lines]
            self.world.qbo.call("invoice", {**again, "Line": plain})

    def edit(self, entity: str, record: Json, **changes: object) -> None:
        """Change a record, other fields as they are."""
        body = {"Id": record["Id"], "SyncToken": record["SyncToken"], "sparse": True, **changes}
        if entity == "Payment":
            body = {"CustomerRef": record["CustomerRef"], **body}
        self.world.qbo.call(entity.lower(), body)

    def delete(self, entity: str, record: Json) -> None:
        """Delete a record."""
        token = {"Id": record["Id"], "SyncToken": record["SyncToken"]}
        self.world.qbo.call(entity.lower(), token, operation="delete")

    def void(self, entity: str, record: Json) -> None:
        """Void an invoice or payment."""
        token = {"Id": record["Id"], "SyncToken": record["SyncToken"]}
        if entity == "Payment":
            self.world.qbo.call("payment", {**token, "sparse": True}, operation="update", include="void")
        else:
            self.world.qbo.call("invoice", token, operation="void")

    def receive(self, customer: str, amount: Decimal, lines: Lines, on: str = ON) -> None:
        """Receive a payment for these invoices; what is over stays unapplied."""
        body = {
            "CustomerRef": {"value": customer},
            "TotalAmt": amount,
            "TxnDate": on,
            "Line": [pays(*line) for line in lines],
        }
        self.world.qbo.call("payment", body)

    def credit(self, invoice: Json, amount: Decimal) -> None:
        """Give a credit memo and apply it to an invoice, unless its customer is inactive: QuickBooks refuses that."""
        answer = self.world.qbo.call(
            "creditmemo", {"CustomerRef": invoice["CustomerRef"], "TxnDate": ON, "Line": [sale(amount)]}
        )
        if "CreditMemo" not in answer:
            return
        memo = answer["CreditMemo"]
        self.world.qbo.call(
            "payment",
            {
                "CustomerRef": invoice["CustomerRef"],
                "TotalAmt": Decimal(0),
                "TxnDate": ON,
                "Line": [
                    pays(invoice, amount),
                    pays(memo, amount, "CreditMemo"),
                ],
            },
        )
