"""The bookkeeper's daily work in QuickBooks: what is entered there before the first sync, and all that comes after it.

Everything goes through the public API under a request id of its own, so that a repeat changes nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import psycopg

from include.demo import forms
from include.demo.bookkeeper import ENTERED_BY_HAND, CompanySetup
from include.demo.cashier import id_of, invoice_id
from include.demo.problems import TAKEN_NUMBER, WALK_IN
from include.demo.quickbooks import Json, QuickBooks, QuickBooksError, amount
from include.demo.records import Assignments, Bookkeeper, Planted, Receipt

RENAMED = " (renamed in QuickBooks)"
STALE = "5010"


@dataclass(frozen=True)
class Filed:
    """The numbers under which the work before the first sync is found again."""

    invoices: tuple[str, ...] = ("QB-1001", "QB-1002", "QB-1003", "QB-1004", "QB-1005")
    payments: tuple[str, ...] = ("CHK-2001", "CHK-2002", "CHK-2003", "CHK-2004", "CHK-2005")
    #: Entered in the LMS too; moved to another customer by the bookkeeper; moved by the lab.
    twice: str = "CHK-2006"
    moved: str = "CHK-2007"
    moved_in_lms: str = "CHK-2008"
    walk_in: str = "CHK-2099"


FILED = Filed()


class Bookkeeping:
    """A bookkeeper in one company. `connection` is read only: which invoice is which."""

    def __init__(self, books: QuickBooks, connection: psycopg.Connection) -> None:
        self.books, self.connection = books, connection
        self._services = ""

    # ------------------------------------------------------------------ before the first sync

    def before(self, work: Bookkeeper) -> list[Planted]:
        """Invoices and payments of customers whom the labs know; an invoice and a payment of one that none knows."""
        customers = [self._customer(name) for name in work.customers]
        numbers = FILED.invoices
        first = self._invoice(
            numbers[0],
            customers[0],
            [
                self._service(Decimal(2), Decimal("120.00"), "Model work, by the hour"),
                forms.text_line("Picked up by the practice's courier"),
                forms.shipping_line(Decimal("15.00")),
                forms.discount_line(Decimal("10.00")),
            ],
        )
        self._invoice(numbers[1], customers[1], [self._service(Decimal(1), Decimal("95.00"))])
        self._invoice(numbers[2], customers[1], [self._service(Decimal(3), Decimal("33.30"))])
        open_one = self._invoice(numbers[3], customers[1], [self._service(Decimal(1), Decimal("300.00"))])
        much = self._invoice(numbers[4], customers[2], [self._service(Decimal("2.5"), Decimal("240.00"))])
        for number, customer, total, lines in (
            (FILED.payments[0], customers[1], "100.00", [forms.pays(open_one["Id"], Decimal("100.00"))]),
            (FILED.payments[1], customers[0], "50.00", [forms.pays(first["Id"], Decimal("50.00"))]),
            (FILED.payments[2], customers[2], "60.00", [forms.pays(much["Id"], Decimal("60.00"))]),
            (FILED.payments[3], customers[2], "70.00", [forms.pays(much["Id"], Decimal("70.00"))]),
            (FILED.payments[4], customers[2], "80.00", []),
            (FILED.twice, customers[2], "45.00", [forms.pays(much["Id"], Decimal("45.00"))]),
            (FILED.moved, customers[0], "35.00", []),
            (FILED.moved_in_lms, customers[1], "25.00", []),
        ):
            self._payment(customer, Decimal(total), lines, number)
        return self._walk_in(work) if work.taken_numbers else []

    def _walk_in(self, work: Bookkeeper) -> list[Planted]:
        customer = self._customer(WALK_IN)
        [invoice] = self.books.all("Invoice", f"WHERE DocNumber = '{TAKEN_NUMBER}'")
        paid = self._payment(customer, Decimal("50.00"), [], FILED.walk_in, note=ENTERED_BY_HAND)
        return [
            _inbound(kind, entity, record, "customer_not_linked", f"{why} for a customer that no lab knows")
            for kind, entity, record, why in (
                ("invoice_of_unknown_customer", "invoice", invoice, "an invoice in QuickBooks"),
                ("payment_of_unknown_customer", "payment", paid, "a payment in QuickBooks"),
            )
        ]

    # ------------------------------------------------------------------ after it

    def later(self, assigned: Assignments, orders: Sequence[tuple[str, str]]) -> list[Planted]:
        """All that a bookkeeper does. `orders`: accounts and products that the LMS is about to invoice."""
        self._rename(orders)
        self._enter_new(assigned)
        self._edit(assigned)
        self._take_in(assigned)
        self._delete_and_void(assigned)
        planted = [*self._credit(assigned), *self._move(assigned)]
        return [*planted, *self._work_on_what_the_lms_edits(assigned)]

    def _move(self, assigned: Assignments) -> list[Planted]:
        """A payment goes to another customer, where Pilot follows; an invoice does, where it cannot (rule 9). One is
        entered again with its number."""
        first, other = (self._filed("Invoice", "DocNumber", FILED.invoices[number]) for number in (0, 3))
        moved = self._filed("Payment", "PaymentRefNum", FILED.moved)
        self._change("Payment", moved["Id"], lambda old: {"CustomerRef": other["CustomerRef"], "TotalAmt": amount(old)})
        again = self._service(Decimal(1), Decimal("96.00"), "Entered again")
        body = {"DocNumber": FILED.invoices[1], "CustomerRef": other["CustomerRef"], "Line": [again]}
        self.books.save("Invoice", body, once=f"demo-{FILED.invoices[1]}-again")
        number = assigned.cases["given_away"][0]
        given = self.invoice_of(number)
        to = other if given["CustomerRef"]["value"] == first["CustomerRef"]["value"] else first
        self._change("Invoice", given["Id"], lambda old: {"CustomerRef": to["CustomerRef"]})
        lms_id = invoice_id(self.connection, number)
        why = "the bookkeeper has given the invoice of a case to another customer"
        planted = _inbound("invoice_given_to_another_customer", "invoice", given, "customer_changed", why)
        return [replace(planted, lms_id=lms_id)]

    def _rename(self, orders: Sequence[tuple[str, str]]) -> None:
        """Names belong to the bookkeeper: the sync goes on with the same records, and leaves the names alone.

        Of the first order whose customer and product are here already.
        """
        statement = """
            select account.qbo_id, item.qbo_id
              from lms.billing_account a join lms.product p on p.name = %(product)s
              join qbo_sync.entity_link account on account.realm_id = %(realm)s
               and account.entity = 'billing_account' and account.lms_id = a.id
              join qbo_sync.entity_link item on item.realm_id = %(realm)s and item.entity = 'product'
               and item.lms_id = p.id
             where a.name = %(account)s"""
        found = (
            self.connection.execute(
                statement, {"realm": self.books.realm_id, "account": account, "product": product}
            ).fetchone()
            for account, product in orders
        )
        row = next(filter(None, found), None)
        if row is None:
            raise LookupError(f"{self.books.name} knows nobody who orders")
        self._change("Customer", row[0], lambda old: {"DisplayName": old["DisplayName"] + RENAMED})
        self._change("Item", row[1], lambda old: {"Name": old["Name"] + RENAMED, "Type": old["Type"]})

    def _enter_new(self, assigned: Assignments) -> None:
        """New invoices: products, words, an item that the labs do not know, shipping, discount, both kinds of tax."""
        model = self.invoice_of(assigned.cases["paid_full"][0])
        product = forms.product_lines(model)[0]["SalesItemLineDetail"]["ItemRef"]["value"]
        customer = model["CustomerRef"]["value"]
        tax = self.books.named("Item", "Tax", "Name")
        lines = [
            forms.item_line(product, Decimal(2), Decimal("118.40"), "Upper arch, shade A2"),
            forms.text_line("Impressions were sent by the practice on paper forms"),
            self._service(Decimal("0.75"), Decimal("64.00"), "Technician on site"),
            forms.shipping_line(Decimal("12.95")),
            forms.discount_line(Decimal("20.00")),
        ]
        whole = self._invoice("QB-3001", customer, lines, {"TxnTaxDetail": {"TotalTax": Decimal("6.17")}})
        with_item = [forms.item_line(product, Decimal(1), Decimal("210.00"))]
        if tax:
            with_item.append(forms.item_line(tax["Id"], Decimal(1), Decimal("13.13")))
        self._invoice("QB-3002", customer, with_item)
        owed = amount(whole, "Balance")
        self._payment(customer, owed + Decimal("20.00"), [forms.pays(whole["Id"], owed)], "CHK-3001")

    def _edit(self, assigned: Assignments) -> None:
        """Quantity, rate, shipping, discount and tax of invoices of the LMS; the lines of one of QuickBooks' own."""
        for task, change in (
            ("quantity", lambda old: {"Line": forms.more_of_first(old, quantity=Decimal(1))}),
            ("rate", lambda old: {"Line": forms.more_of_first(old, rate=Decimal("5.50"))}),
            ("shipping", lambda old: {"Line": forms.with_shipping(old, Decimal("22.75"))}),
            ("discount", lambda old: {"Line": forms.with_discount(old, Decimal("11.11"))}),
            ("tax", lambda old: {"Line": forms.own_lines(old), "TxnTaxDetail": {"TotalTax": Decimal("4.44")}}),
        ):
            self._change_invoice(assigned.cases[task][0], change)
        own = self._filed("Invoice", "DocNumber", FILED.invoices[0])
        more = self._service(Decimal(1), Decimal("18.05"), "Express")
        self._change("Invoice", own["Id"], lambda old: {"Line": [*forms.own_lines(old), more]})

    def _take_in(self, assigned: Assignments) -> None:
        """Payments: full, partial, of several invoices; earlier ones of both sides edited and applied otherwise."""
        full, part = self.invoice_of(assigned.cases["paid_full"][0]), self.invoice_of(assigned.cases["paid_part"][0])
        self._pay("CHK-3002", [(full, amount(full, "Balance"))])
        self._pay("CHK-3003", [(part, Decimal("25.00"))])
        several = [self.invoice_of(number) for number in assigned.cases["paid_together"]]
        parts = [amount(each, "Balance") for each in several]
        self._pay("CHK-3004", list(zip(several, [*parts[:-1], parts[-1] - Decimal("30.00")], strict=True)))
        own = self._filed("Payment", "PaymentRefNum", FILED.payments[0])
        self._change("Payment", own["Id"], lambda old: _paying(old, Decimal("50.00")))
        self._change_payment(assigned.payments["edited"], lambda old: _paying(old, Decimal("-8.00")))
        self._change_payment(assigned.payments["applied_otherwise"], lambda old: _applied(old, old["Line"][:-1]))

    def _delete_and_void(self, assigned: Assignments) -> None:
        for task in ("deleted", "deleted_paid"):
            self._end("Invoice", self.invoice_of(assigned.cases[task][0])["Id"], "operation=delete")
        self._end("Invoice", self._filed("Invoice", "DocNumber", FILED.invoices[1])["Id"], "operation=delete")
        self._end("Invoice", self.invoice_of(assigned.cases["voided"][0])["Id"], "operation=void")
        self._end("Invoice", self._filed("Invoice", "DocNumber", FILED.invoices[2])["Id"], "operation=void")
        void = "operation=update&include=void"
        self._end("Payment", self._payment_id(assigned.payments["deleted"]), "operation=delete")
        self._end("Payment", self._payment_id(assigned.payments["voided"]), void)
        self._end("Payment", self._filed("Payment", "PaymentRefNum", FILED.payments[1])["Id"], "operation=delete")
        self._end("Payment", self._filed("Payment", "PaymentRefNum", FILED.payments[2])["Id"], void)

    def _credit(self, assigned: Assignments) -> list[Planted]:
        """Credit memos of QuickBooks' own do not come to the LMS; what they take off its invoices does."""
        invoice = self.invoice_of(assigned.cases["credited"][0])
        memo = self._credit_memo(invoice, Decimal("30.00"), "credited")
        lines = [forms.pays(invoice["Id"], Decimal("30.00")), forms.pays(memo["Id"], Decimal("30.00"), "CreditMemo")]
        self._payment(invoice["CustomerRef"]["value"], Decimal("0.00"), lines, "CHK-3005", note=ENTERED_BY_HAND)
        mixed = self.invoice_of(assigned.cases["mixed"][0])
        memo = self._credit_memo(mixed, Decimal("12.00"), "mixed")
        lines = [forms.pays(mixed["Id"], Decimal("32.00")), forms.pays(memo["Id"], Decimal("12.00"), "CreditMemo")]
        paid = self._payment(mixed["CustomerRef"]["value"], Decimal("20.00"), lines, "CHK-3006")
        why = "a credit memo that Pilot does not know is a part of the payment"
        return [_inbound("payment_with_a_credit", "payment", paid, "unsynced_application", why)]

    def _work_on_what_the_lms_edits(self, assigned: Assignments) -> list[Planted]:
        """Both sides change the same records: a delete wins, of two edits QuickBooks' (rule 8.4)."""
        both = self._change_payment(assigned.payments["both_edited"], lambda old: _paying(old, Decimal("-9.00")))
        deleted = self._payment_id(assigned.payments["edited_and_deleted"])
        self._end("Payment", deleted, "operation=delete")
        edited = assigned.payments["deleted_and_edited"]
        lost = id_of(self.connection, edited)
        self._change_payment(edited, lambda old: _paying(old, Decimal("-5.00")))
        invoice = self._change_invoice(
            assigned.cases["both_edited"][0], lambda old: {"Line": forms.more_of_first(old, quantity=Decimal(1))}
        )
        uninvoiced = assigned.cases["uninvoiced_and_edited"][0]
        self._change_invoice(uninvoiced, lambda old: {"Line": forms.more_of_first(old, quantity=Decimal(2))})
        gone = self.invoice_of(assigned.cases["edited_and_deleted"][0])
        self._end("Invoice", gone["Id"], "operation=delete")
        kept, won = "conflict_qbo_kept", "conflict_deleted"
        return [
            _inbound("payment_edited_by_both", "payment", both, kept, "both sides edited the payment"),
            _inbound(
                "payment_edited_and_deleted", "payment", {"Id": deleted}, won, "deleted in QuickBooks, edited here"
            ),
            Planted("payment_deleted_and_edited", "payment", lost, won, "deleted here, edited in QuickBooks"),
            _inbound("invoice_edited_by_both", "invoice", invoice, kept, "both sides edited the invoice"),
            _inbound("invoice_edited_and_deleted", "invoice", gone, won, "deleted in QuickBooks, edited here"),
            Planted(
                kind="invoice_uninvoiced_and_edited",
                entity="invoice",
                lms_id=invoice_id(self.connection, uninvoiced),
                expected_error_code=won,
                why="un-invoiced here, edited in QuickBooks",
            ),
        ]

    # ------------------------------------------------------------------ finding

    def invoice_of(self, case_number: str) -> Json:
        """QuickBooks' invoice of a case, as it is now."""
        return self.books.read("Invoice", f"invoice/{self._invoice_id(case_number)}")

    def _invoice_id(self, case_number: str) -> str:
        return self._linked(
            """select l.qbo_id from qbo_sync.entity_link l
                 join lms.invoice i on i.id = l.lms_id join lms.lab_case c on c.id = i.case_id
                where l.entity = 'invoice' and l.realm_id = %s and c.case_number = %s""",
            case_number,
        )

    def _payment_id(self, receipt: Receipt) -> str:
        return self._linked(
            """select l.qbo_id from qbo_sync.entity_link l join lms.payment p on p.id = l.lms_id
                where l.entity = 'payment' and l.realm_id = %s and p.reference = %s""",
            receipt.reference,
        )

    def _linked(self, statement: str, key: str) -> str:
        row = self.connection.execute(statement.encode(), [self.books.realm_id, key]).fetchone()
        if row is None:
            raise LookupError(f"{key} is not in {self.books.name}")
        return str(row[0])

    def _customer(self, name: str) -> str:
        found = self.books.named("Customer", name)
        if found is None:
            raise LookupError(f"{self.books.name} has no customer {name}")
        return str(found["Id"])

    def _filed(self, entity: str, field: str, number: str) -> Json:
        [found] = self.books.all(entity, f"WHERE {field} = '{number}'")
        return found

    # ------------------------------------------------------------------ writing

    def _service(self, quantity: Decimal, rate: Decimal, words: str | None = None) -> Json:
        """A line with QuickBooks' own item Services, which stands for no product of the LMS."""
        if not self._services:
            self._services = str(CompanySetup(self.books).item("Services")["Id"])
        return forms.item_line(self._services, quantity, rate, words)

    def _invoice(self, number: str, customer: str, lines: Sequence[Json], more: Json | None = None) -> Json:
        body: Json = {"DocNumber": number, "CustomerRef": {"value": customer}, "Line": list(lines), **(more or {})}
        return self.books.save("Invoice", body, once=f"demo-{number}")

    def _payment(
        self, customer: str, total: Decimal, lines: Sequence[Json], number: str, note: str | None = None
    ) -> Json:
        body = forms.payment(customer, total, lines, number) | ({"PrivateNote": note} if note else {})
        return self.books.save("Payment", body, once=f"demo-{number}")

    def _pay(self, number: str, shares: Sequence[tuple[Json, Decimal]]) -> Json:
        lines = [forms.pays(invoice["Id"], share) for invoice, share in shares]
        total = sum((share for _, share in shares), Decimal("0.00"))
        return self._payment(shares[0][0]["CustomerRef"]["value"], total, lines, number)

    def _credit_memo(self, invoice: Json, total: Decimal, name: str) -> Json:
        body = {
            "CustomerRef": {"value": invoice["CustomerRef"]["value"]},
            "PrivateNote": ENTERED_BY_HAND,
            "Line": [self._service(Decimal(1), total)],
        }
        return self.books.save("CreditMemo", body, once=f"demo-memo-{name}")

    def _change_invoice(self, case_number: str, change: Callable[[Json], Json]) -> Json:
        return self._change("Invoice", self._invoice_id(case_number), change)

    def _change_payment(self, receipt: Receipt, change: Callable[[Json], Json]) -> Json:
        return self._change("Payment", self._payment_id(receipt), change)

    def _end(self, entity: str, record_id: str, operation: str) -> Json:
        return self._change(entity, record_id, lambda old: {}, operation)

    def _change(self, entity: str, record_id: str, change: Callable[[Json], Json], options: str = "") -> Json:
        """On the version that is there, and again if somebody saved another one meanwhile (5010)."""
        for attempts_left in (2, 1, 0):
            old = self.books.read(entity, f"{entity.lower()}/{record_id}")
            try:
                return self.books.save(entity, {**forms.key(old), **change(old)}, options)
            except QuickBooksError as error:
                if STALE not in str(error) or not attempts_left:
                    raise
        raise AssertionError("unreachable")


def _paying(old: Json, more: Decimal) -> Json:
    """The payment's amount, and what its first line pays, by so much higher."""
    first, *others = old["Line"]
    changed = {"Amount": Decimal(first["Amount"]) + more, "LinkedTxn": first["LinkedTxn"]}
    return _applied({**old, "TotalAmt": amount(old) + more}, [changed, *others])


def _applied(old: Json, lines: Sequence[Json]) -> Json:
    return {
        "CustomerRef": old["CustomerRef"],
        "TotalAmt": old["TotalAmt"],
        "Line": [{"Amount": line["Amount"], "LinkedTxn": line["LinkedTxn"]} for line in lines],
    }


def _inbound(kind: str, entity: str, record: Json, code: str, why: str) -> Planted:
    return Planted(kind, entity, None, code, why, "qbo_to_lms", record["Id"])
