"""The LMS's records as people see them, with the names of what they refer to."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import psycopg

from include.lms.customer import read_accounts, read_pairs
from include.lms.invoice import read_invoices
from include.lms.payment import read_credits, read_payments
from include.lms.product import read_products
from include.model.customer import Customer
from include.model.document import Applied, Document, DocumentLine, credit_label, invoice_label, payment_label
from include.model.invoice import Invoice
from include.model.money import ZERO
from include.model.payment import Application, Credit, CreditApplication, Payment
from include.model.product import Product
from include.model.record import Entity, RecordKey
from include.model.typed_json import Canonical

#: What has paid an invoice, in the order of the days.
_PAID_BY = """
    select a.invoice_id::text, 'payment', p.payment_date as dated, a.amount
      from lms.payment_application a join lms.payment p on p.id = a.payment_id
     where a.invoice_id = any(%(ids)s::bigint[])
    union all
    select a.invoice_id::text, 'credit', c.credit_date, a.amount
      from lms.credit_application a join lms.credit c on c.id = a.credit_id
     where a.invoice_id = any(%(ids)s::bigint[])
     order by dated, amount
"""
_CREDIT_APPLICATIONS = """
    select credit_id::text, invoice_id::text, amount from lms.credit_application
     where credit_id = any(%s::bigint[]) and amount <> 0 order by invoice_id
"""


def read_documents(
    connection: psycopg.Connection, entity: Entity, ids: Sequence[str]
) -> dict[str, tuple[Document, RecordKey | None]]:
    """The records of these ids that exist, by id, each with the customer that it is for. A credit's applications are
    the credit's own; a special item is there by its name."""
    if entity == "special_item":
        return {id_: (Document(kind="product", name=id_), None) for id_ in ids}
    records = _read(connection, entity, ids)
    documents = described(connection, records)
    if entity == "invoice":
        documents = _with_money(connection, documents)
    elif entity == "payment":
        documents = _with_references(connection, "payment", documents)
    elif entity in ("credit", "credit_application"):
        documents = _with_applications(connection, _with_references(connection, "credit", documents))
    elif entity == "billing_account":
        documents = _with_structure(connection, documents)
    return {id_: (document, _customer(records[id_])) for id_, document in documents.items()}


def _read(connection: psycopg.Connection, entity: Entity, ids: Sequence[str]) -> Mapping[str, Canonical]:
    if entity == "invoice":
        return read_invoices(connection, ids)
    if entity == "payment":
        return read_payments(connection, ids)
    if entity in ("credit", "credit_application"):
        return read_credits(connection, ids)
    if entity == "product":
        return read_products(connection, ids)
    return read_accounts(connection, ids) if entity == "billing_account" else read_pairs(connection, ids)


def described(connection: psycopg.Connection, records: Mapping[str, Canonical]) -> dict[str, Document]:
    """The records in these versions, present or past, with the names that what they refer to has now."""
    everything = records.values()
    names = _Names(
        customers=_customer_names(connection, {key for record in everything if (key := _customer(record))}),
        products={
            id_: product.name
            for id_, product in read_products(
                connection,
                sorted(
                    {
                        line.product.id
                        for record in everything
                        if isinstance(record, Invoice)
                        for line in record.lines
                        if line.product and line.product.entity == "product"
                    }
                ),
            ).items()
        },
        invoices=invoice_numbers(
            connection,
            {
                one.invoice.id
                for record in everything
                if isinstance(record, Payment | CreditApplication)
                for one in record.applications
            },
        ),
    )
    return {id_: names.describe(record) for id_, record in records.items()}


class _Names:
    """Names by id."""

    def __init__(
        self, *, customers: Mapping[RecordKey, str], products: Mapping[str, str], invoices: Mapping[str, str]
    ) -> None:
        self._customers, self._products, self._invoices = customers, products, invoices

    def describe(self, record: Canonical) -> Document:
        """A record with the names in the place of the ids."""
        if isinstance(record, Invoice):
            return self._invoice(record)
        if isinstance(record, Payment):
            applied = self._applied(record.applications)
            return Document(
                kind="payment",
                date=record.date,
                customer=self._customers.get(record.customer),
                total=record.amount,
                unapplied=record.amount - _sum(applied),
                applied=applied,
                method=record.method,
            )
        if isinstance(record, Credit):
            customer = self._customers.get(record.customer)
            return Document(kind="credit", date=record.date, customer=customer, total=record.amount, memo=record.note)
        if isinstance(record, CreditApplication):
            customer, applied = self._customers.get(record.customer), self._applied(record.applications)
            return Document(kind="credit", date=record.date, customer=customer, applied=applied)
        if isinstance(record, Product):
            return Document(kind="product", name=record.name, description=record.description, price=record.unit_price)
        return self._of_customer(record)

    def _invoice(self, invoice: Invoice) -> Document:
        lines = tuple(
            DocumentLine(
                product=self._products.get(line.product.id) if line.product else None,
                description=line.description,
                quantity=line.quantity,
                unit_price=line.unit_price,
                amount=line.amount,
            )
            for line in invoice.lines
        )
        return Document(
            kind="invoice",
            number=invoice.number,
            date=invoice.date,
            due_date=invoice.due_date,
            customer=self._customers.get(invoice.customer),
            lines=lines,
            discount=invoice.discount,
            shipping=invoice.shipping,
            tax=invoice.tax,
            total=invoice.total,
            memo=invoice.memo,
        )

    def _of_customer(self, customer: Customer) -> Document:
        parent = self._customers.get(customer.parent) if customer.parent else None
        return Document(kind="customer", name=customer.name, parent=parent, email=customer.email, phone=customer.phone)

    def _applied(self, applications: Iterable[Application]) -> tuple[Applied, ...]:
        return tuple(
            Applied(document=invoice_label(self._invoices.get(one.invoice.id, "that was deleted")), amount=one.amount)
            for one in applications
        )


def _customer(record: Canonical) -> RecordKey | None:
    """Whom it is for; of a sub-customer, whom it stands under."""
    if isinstance(record, Customer):
        return record.parent
    return None if isinstance(record, Product) else record.customer


def _customer_names(connection: psycopg.Connection, keys: Iterable[RecordKey]) -> dict[RecordKey, str]:
    """As QuickBooks would show them: the account, or “account: pair”."""
    wanted = set(keys)
    accounts = connection.execute(
        "select id::text, name from lms.billing_account where id = any(%s::bigint[])",
        [sorted(key.id for key in wanted if key.entity == "billing_account")],
    )
    pairs = connection.execute(
        "select o.id::text, a.name || ': ' || o.child_subaccount_name"
        "  from lms.doctor_office o join lms.billing_account a on a.id = o.billing_account_id"
        " where o.id = any(%s::bigint[])",
        [sorted(key.id for key in wanted if key.entity == "doctor_office")],
    )
    return {
        **{RecordKey("billing_account", id_): name for id_, name in accounts},
        **{RecordKey("doctor_office", id_): name for id_, name in pairs},
    }


def invoice_numbers(connection: psycopg.Connection, ids: Iterable[str]) -> dict[str, str]:
    """The numbers of those of the invoices that exist, by id."""
    rows = connection.execute(
        "select id::text, invoice_number from lms.invoice where id = any(%s::bigint[])", [sorted(ids)]
    )
    return dict(rows.fetchall())


def _with_money(connection: psycopg.Connection, documents: Mapping[str, Document]) -> dict[str, Document]:
    """Invoices with what is open of them and what paid the rest."""
    balances = connection.execute(
        "select id::text, balance from lms.invoice where id = any(%s::bigint[])", [list(documents)]
    )
    open_balances: dict[str, Decimal] = dict(balances.fetchall())
    paid: dict[str, list[Applied]] = defaultdict(list)
    for invoice_id, what, dated, amount in connection.execute(_PAID_BY.encode(), {"ids": list(documents)}):
        label = payment_label(dated) if what == "payment" else credit_label(dated)
        paid[invoice_id].append(Applied(document=label, amount=amount))
    return {
        id_: replace(document, open_balance=open_balances.get(id_), applied=tuple(paid[id_]))
        for id_, document in documents.items()
    }


_REFERENCES = {
    "payment": b"select id::text, reference from lms.payment where id = any(%s::bigint[])",
    "credit": b"select id::text, reference from lms.credit where id = any(%s::bigint[])",
}


def _with_references(
    connection: psycopg.Connection, table: str, documents: Mapping[str, Document]
) -> dict[str, Document]:
    """Payments and credits with the number of the check and the like."""
    references: dict[str, str] = dict(connection.execute(_REFERENCES[table], [list(documents)]).fetchall())
    return {id_: replace(document, number=references.get(id_) or None) for id_, document in documents.items()}


def _with_applications(connection: psycopg.Connection, documents: Mapping[str, Document]) -> dict[str, Document]:
    """Credits with what they pay."""
    rows = connection.execute(_CREDIT_APPLICATIONS.encode(), [list(documents)]).fetchall()
    numbers = invoice_numbers(connection, {invoice_id for _, invoice_id, _ in rows})
    pays: dict[str, list[Applied]] = defaultdict(list)
    for credit_id, invoice_id, amount in rows:
        pays[credit_id].append(Applied(document=invoice_label(numbers[invoice_id]), amount=amount))
    return {
        id_: replace(document, applied=tuple(pays[id_]), unapplied=(document.total or ZERO) - _sum(pays[id_]))
        for id_, document in documents.items()
    }


def _with_structure(connection: psycopg.Connection, documents: Mapping[str, Document]) -> dict[str, Document]:
    """Accounts with their structure."""
    rows = connection.execute(
        "select id::text, accounting_structure from lms.billing_account where id = any(%s::bigint[])", [list(documents)]
    )
    structures: dict[str, str] = dict(rows.fetchall())
    return {id_: replace(document, structure=structures.get(id_)) for id_, document in documents.items()}


def _sum(applied: Iterable[Applied]) -> Decimal:
    return sum((one.amount for one in applied), ZERO)
