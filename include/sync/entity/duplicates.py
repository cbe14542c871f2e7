"""The same check entered on both sides? Payments of the LMS and of QuickBooks that may be the same money (rule 9)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import psycopg

from include.company.company import Company
from include.lms.document import invoice_numbers
from include.lms.payment import read_payments
from include.model.payment import Payment
from include.model.staged import Duplicate, QboPayment
from include.model.typed_json import typed
from include.qbo import payment as qbo_payment
from include.qbo.client import QboClient
from include.sync import links
from include.sync.entity.applied import over_applied_in_lms
from include.sync.entity.payer import payers
from include.sync.plan import payment as planner
from include.sync.plan.payment import StagedPayment

#: A check is entered on both sides within a few days (rule 9).
DAYS_APART = timedelta(days=5)

_CAME_FROM_QUICKBOOKS = Path(__file__).with_name("payments_from_quickbooks.sql").read_bytes()
_NOT_SENT_YET = Path(__file__).with_name("payments_not_sent_yet.sql").read_bytes()


def find_towards_quickbooks(
    connection: psycopg.Connection, client: QboClient, company: Company, records: Sequence[StagedPayment]
) -> None:
    """Fill what is known of the duplicates of new payments of the LMS: the first of QuickBooks' payments that wait for
    an answer, have still to come, or have come already.

    Those that no capture has seen yet cost a query, and those that are marked a batch, whatever the number of records.
    """
    new = {record.record_id: ours for record in records if (ours := planner.flowing(record)) and ours.applications}
    if not new:
        return
    coming = _coming(connection, client, company)
    waiting, kept = _waiting(connection, company.realm_id, new), _kept(connection, company.realm_id, new)
    for record in records:
        ours = new.get(record.record_id)
        if ours is None:
            continue
        asked = [*waiting.get(record.record_id, ()), *coming]
        asked += _in_lms_already(connection, company, record.record_id, ours)
        for one in asked:
            found = None if one.qbo_id in kept.get(record.record_id, ()) else same_money(connection, ours, one)
            if found:
                record.known.duplicate, record.known.duplicate_in_lms = one, record.record_id
                numbers = invoice_numbers(connection, found.invoices)
                record.known.duplicate_numbers = tuple(numbers[id_] for id_ in found.invoices if id_ in numbers)
                record.known.duplicate_shares = found.shared
                break


def find_towards_lms(connection: psycopg.Connection, company: Company, record: StagedPayment) -> None:
    """Fill what is known of the duplicate of a payment that is new in QuickBooks: the first payment of the LMS that is
    still to be sent and may be the same money."""
    theirs = planner.qbo_version(record)
    if theirs is None or theirs.owner is None or record.fetched is None:
        return
    if _perhaps_ours(connection, company.realm_id, [record.fetched]):
        return
    itself = as_duplicate(record.record_id, theirs)
    candidates = _candidates(connection, _NOT_SENT_YET, company, theirs, record.record_id)
    for lms_id, ours in read_payments(connection, list(candidates)).items():
        if same_money(connection, ours, itself):
            record.known.duplicate, record.known.duplicate_in_lms = itself, lms_id
            return


def as_duplicate(qbo_id: str, payment: Payment, copy_id: str | None = None) -> Duplicate:
    """A payment of QuickBooks as what another may be the same money as; `copy_id`: its LMS id, if it is there."""
    return Duplicate(
        qbo_id=qbo_id,
        copy_id=copy_id,
        date=payment.date,
        amount=payment.amount,
        account=payment.owner.billing_account_id if payment.owner else "",
        pays=tuple(one.invoice.id for one in payment.applications),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class SameMoney:
    """Why two payments may be the same money."""

    #: LMS ids.
    invoices: tuple[str, ...]
    #: Both pay them; else one of the two does, and they have more applied in the LMS than they are about.
    shared: bool


def same_money(connection: psycopg.Connection, ours: Payment, theirs: Duplicate) -> SameMoney | None:
    """THE rule (rule 9): of the same account and amount, at most DAYS_APART, both applied to invoices; they share one
    of those, or one is over-applied in the LMS."""
    alike = ours.owner and (ours.owner.billing_account_id, ours.amount) == (theirs.account, theirs.amount)
    own = {one.invoice.id for one in ours.applications}
    if not alike or abs(ours.date - theirs.date) > DAYS_APART or not own or not theirs.pays:
        return None
    shared = own.intersection(theirs.pays)
    invoices = shared or over_applied_in_lms(connection, own.union(theirs.pays))
    return SameMoney(invoices=tuple(sorted(invoices, key=int)), shared=bool(shared)) if invoices else None


# ------------------------------------------------------------------ where they come from


def _waiting(connection: psycopg.Connection, realm_id: str, lms_ids: Iterable[str]) -> dict[str, list[Duplicate]]:
    """QuickBooks' payments that wait because of one of these of the LMS, by its id."""
    rows = connection.execute(
        "select d.lms_id::text, d.detail from qbo_sync.possible_duplicate d"
        "  join qbo_sync.change_mark m on m.realm_id = d.realm_id and m.direction = 'qbo_to_lms'"
        "                             and m.entity = 'payment' and m.record_id = d.qbo_id"
        " where d.realm_id = %s and d.lms_id = any(%s::bigint[]) and d.kept_both_at is null"
        "   and m.waits_for_entity = 'payment' and m.waits_for_id = d.qbo_id order by d.qbo_id",
        [realm_id, list(lms_ids)],
    )
    found: defaultdict[str, list[Duplicate]] = defaultdict(list)
    for lms_id, detail in rows:
        found[lms_id].append(typed(detail, Duplicate))
    return found


def _coming(connection: psycopg.Connection, client: QboClient, company: Company) -> list[Duplicate]:
    """Payments that are in QuickBooks and not in the LMS: marked, or entered since the last capture."""
    row = connection.execute(
        "select changed_since from qbo_sync.qbo_cursor where realm_id = %s", [company.realm_id]
    ).fetchone()
    if row is None:
        return []  # what was there before the first capture is history
    marked = connection.execute(
        "select record_id from qbo_sync.change_mark m where realm_id = %s and direction = 'qbo_to_lms'"
        "   and entity = 'payment' and waits_for_entity is distinct from 'payment'",
        [company.realm_id],
    )
    found = qbo_payment.find_new(client, row[0], [record_id for (record_id,) in marked])
    known = links.linked_ids(
        connection, company.realm_id, ["payment", "credit_application"], [one.qbo_id for one in found]
    )
    strangers = [one for one in found if one.qbo_id not in known]
    ours = _perhaps_ours(connection, company.realm_id, strangers)
    return _as_duplicates(connection, company.realm_id, [one for one in strangers if one.qbo_id not in ours])


def _perhaps_ours(connection: psycopg.Connection, realm_id: str, found: Sequence[QboPayment]) -> set[str]:
    """Those that a create of ours may have made whose answer is missing, or was a fault (trap 6)."""
    if not found:
        return set()
    sent = connection.execute(
        "select (payload ->> 'TotalAmt')::numeric, (payload ->> 'TxnDate')::date, timestamptz '2000-01-01'"
        "  from qbo_sync.write_intent where realm_id = %(realm)s and entity = 'payment' and operation = 'create'"
        " union all select coalesce((u.payload ->> 'TotalAmt')::numeric, p.amount),"
        "                  coalesce((u.payload ->> 'TxnDate')::date, p.payment_date), u.sent_after"
        "  from qbo_sync.unconfirmed_create u join lms.payment p on p.id::text = u.record_id"
        " where u.realm_id = %(realm)s and u.entity = 'payment'"
        "   and not exists (select 1 from qbo_sync.entity_link l where l.realm_id = u.realm_id"
        "                      and l.entity = 'payment' and l.lms_id = p.id)",
        {"realm": realm_id},
    ).fetchall()
    return {
        one.qbo_id
        for one in found
        for amount, day, since in sent
        if (one.amount, one.date) == (amount, day) and (one.made_at is None or one.made_at >= since)
    }


def _as_duplicates(connection: psycopg.Connection, realm_id: str, found: Sequence[QboPayment]) -> list[Duplicate]:
    customers = payers(connection, realm_id, [one.customer_id for one in found])
    invoices = links.lms_ids(connection, realm_id, "invoice", {qbo_id for one in found for qbo_id in one.invoices})
    return [
        Duplicate(
            qbo_id=one.qbo_id,
            copy_id=None,
            date=one.date,
            amount=one.amount,
            account=customers[one.customer_id].owner.billing_account_id,
            pays=_paid(one.invoices, invoices),
        )
        for one in found
        if one.customer_id in customers and one.amount
    ]


def _paid(amounts: Mapping[str, Decimal], invoices: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(invoices[qbo_id] for qbo_id, amount in amounts.items() if amount and qbo_id in invoices)


def _in_lms_already(connection: psycopg.Connection, company: Company, lms_id: str, ours: Payment) -> list[Duplicate]:
    """Payments that came from QuickBooks before this one was entered."""
    candidates = _candidates(connection, _CAME_FROM_QUICKBOOKS, company, ours, lms_id)
    copies = read_payments(connection, list(candidates))
    return [as_duplicate(candidates[copy_id], copy, copy_id) for copy_id, copy in copies.items()]


def _kept(connection: psycopg.Connection, realm_id: str, lms_ids: Iterable[str]) -> dict[str, set[str]]:
    """QuickBooks' payments of which somebody has said that they are others than one of these, by its LMS id."""
    rows = connection.execute(
        "select lms_id::text, qbo_id from qbo_sync.possible_duplicate"
        " where realm_id = %s and lms_id = any(%s::bigint[]) and kept_both_at is not null",
        [realm_id, list(lms_ids)],
    )
    found: defaultdict[str, set[str]] = defaultdict(set)
    for lms_id, qbo_id in rows:
        found[lms_id].add(qbo_id)
    return found


def _candidates(
    connection: psycopg.Connection, statement: bytes, company: Company, like: Payment, record_id: str
) -> dict[str, str]:
    """A coarse filter (`same_money` decides): payments of the LMS of the account and amount, some days apart at most;
    their QuickBooks ids, if they have one, by LMS id."""
    if like.owner is None:
        return {}
    rows = connection.execute(
        statement,
        {
            "realm": company.realm_id,
            "account": int(like.owner.billing_account_id),
            "amount": like.amount,
            "first": like.date - DAYS_APART,
            "last": like.date + DAYS_APART,
            "record": record_id,
        },
    )
    return dict(rows.fetchall())
