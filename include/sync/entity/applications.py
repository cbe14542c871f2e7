"""Which applications of a payment or credit can reach QuickBooks: those to invoices that are, or will be, there."""

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg

from include.company.company import Company
from include.model.money import ZERO
from include.model.payment import Application
from include.model.record import RecordKey
from include.qbo.client import QboClient
from include.qbo.invoice_inbound import balance
from include.sync import links


def sort_out(
    connection: psycopg.Connection, company: Company, applications: Sequence[Application]
) -> tuple[set[RecordKey], set[RecordKey]]:
    """The applied invoices that are linked, and those that are not yet but will be.

    The rest is left alone: dated before the start date, of a lab whose invoices do not flow, of another company.
    """
    invoices = {application.invoice for application in applications}
    linked = set(links.qbo_ids(connection, company.realm_id, invoices))
    rows = connection.execute(
        "select i.id::text from lms.invoice i"
        "  join qbo_sync.connection n on n.billing_lab_id = i.billing_lab_id and n.realm_id = %s"
        " where i.id = any(%s::bigint[]) and i.origin = 'lms' and n.sync_invoices"
        "   and n.direction in ('lms_to_qbo', 'both')"
        "   and (n.sync_start_date is null or i.invoice_date >= n.sync_start_date)",
        [company.realm_id, [key.id for key in invoices - linked]],
    )
    return linked, {RecordKey("invoice", invoice_id) for (invoice_id,) in rows}


def without_gone(connection: psycopg.Connection, base: dict[str, Any], present: Iterable[str]) -> dict[str, Any]:
    """What was agreed on of a payment, less what settled invoices that have left the LMS and the payment there.

    QuickBooks takes an invoice off its payments when we delete it: that is no change of the bookkeeper's. `present`:
    the LMS ids of the invoices that the payment settles in QuickBooks.
    """
    settled = {one["invoice"][1] for one in base.get("applications", [])}
    missing = settled - set(present)
    if not missing:
        return base
    rows = connection.execute("select id::text from lms.invoice where id = any(%s::bigint[])", [list(missing)])
    gone = missing - {invoice_id for (invoice_id,) in rows}
    return {**base, "applications": [one for one in base["applications"] if one["invoice"][1] not in gone]}


def agreed_value(amount: object, applications: Sequence[Application]) -> tuple[object, ...]:
    """Amount and applications in a form that compares."""
    return amount, tuple((application.invoice.id, application.amount) for application in applications)


def to_give_up_first(
    connection: psycopg.Connection,
    client: QboClient,
    company: Company,
    before: Sequence[Application],
    wanted: Sequence[Application],
) -> tuple[Application, ...] | None:
    """What is left of these applications once they have left the invoices that they leave; None: they change at once.

    Money that goes from one invoice to another cannot get there while another payment or credit still holds it, and
    that one may be waiting for the first (they swap). So each gives up what it leaves, and takes the rest next time.
    """
    held = {one.invoice: one.amount for one in before}
    takes = [one for one in wanted if one.amount > held.get(one.invoice, ZERO)]
    left = tuple(
        Application(invoice=one.invoice, amount=min(one.amount, held[one.invoice]))
        for one in wanted
        if one.invoice in held
    )
    if not takes or {one.invoice: one.amount for one in left} == held:
        return None
    ids = links.qbo_ids(connection, company.realm_id, [one.invoice for one in takes])
    there = {body["Id"]: balance(body) for body in client.find("Invoice", "Id", list(ids.values()))}
    open_there = all(
        one.amount - held.get(one.invoice, ZERO) <= there.get(ids.get(one.invoice, ""), ZERO) for one in takes
    )
    return None if open_there else left
