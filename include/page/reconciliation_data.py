"""What the page of the ledger proof shows: a company's proofs, and one lab's part of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
from fastapi import HTTPException

from include.model.money import ZERO
from include.page.database import Row, row, rows

BUCKETS = {
    "current": "Current",
    "1-30": "1–30",
    "31-60": "31–60",
    "61-90": "61–90",
    "over-90": "Over 90",
}
#: (figure, words) as the tables show them.
FIGURES = (
    ("invoices", "Invoices"),
    ("invoices_open", "Open invoices"),
    ("credits", "Credits"),
    ("credits_open", "Credits not applied"),
    ("payments", "Payments"),
    ("payments_open", "Payments not applied"),
    ("other", "Other entries"),
    ("balance", "Balance"),
)
CAUSES = {
    "waiting": "Waiting to sync",
    "held": "On hold",
    "left_alone": "Left alone",
    "error": "Error",
    "edited": "Edited after sync",
    "before_start_date": "Before the start date",
    "switched_off": "Not synced by a setting",
    "quickbooks_only": "In QuickBooks only",
    "missing": "Missing link",
    "other_customer": "Other customer",
    "drift": "Drift",
}
STATES = {
    "equal": ("good", "The books agree"),
    "explained": ("busy", "Every difference is explained"),
    "differs": ("bad", "Differences need attention"),
    "failed": ("bad", "The comparison failed"),
}
#: A lab sees the rows of its own, and those of no lab.
_CUSTOMERS = """
    select * from qbo_sync.reconciliation_customer
     where reconciliation_id = %(id)s and (billing_lab_id = %(lab)s or billing_lab_id is null)
"""
_DIFFERENCES = """
    select * from qbo_sync.reconciliation_difference
     where reconciliation_id = %(id)s and (billing_lab_id = %(lab)s or billing_lab_id is null) order by id
"""
_AGING = """
    select bucket, sum(lms) as lms, sum(qbo) as qbo from qbo_sync.reconciliation_aging
     where reconciliation_id = %(id)s and (billing_lab_id = %(lab)s or billing_lab_id is null) group by bucket
"""
#: Customers that agree, shown on the page at most; the CSV has them all.
SHOWN = 200


@dataclass(frozen=True, kw_only=True)
class LabProof:
    """One lab's part of a proof. Money in dollars."""

    proof: Row
    lab: Row
    state: str
    #: Those that differ first.
    customers: Sequence[Row]
    differences: Sequence[Row]
    totals: dict[str, Decimal]
    #: {bucket, lms, qbo}, the youngest first.
    aging: Sequence[Row]


def overview(connection: psycopg.Connection) -> list[Row]:
    """Each connected lab with the last finished proof of its company, and its own part's state."""
    found = rows(
        connection,
        "select b.id, b.name, c.realm_id, c.name as company, c.status, p.id as proof_id, p.finished_at, p.reads,"
        "       p.read_fully, p.state as company_state, d.differences, d.unexplained,"
        "       exists (select from qbo_sync.reconciliation u where u.realm_id = c.realm_id and u.finished_at is null"
        "                  and u.started_at > clock_timestamp() - interval '1 hour') as under_way"
        "  from qbo_sync.connection n join lms.billing_lab b on b.id = n.billing_lab_id"
        "  join qbo_sync.company c on c.realm_id = n.realm_id"
        "  left join lateral (select * from qbo_sync.reconciliation r where r.realm_id = c.realm_id"
        "                        and r.finished_at is not null order by r.finished_at desc limit 1) p on true"
        "  left join lateral (select count(*) as differences, count(*) filter (where not x.explained) as unexplained"
        "                       from qbo_sync.reconciliation_difference x where x.reconciliation_id = p.id"
        "                        and (x.billing_lab_id = b.id or x.billing_lab_id is null)) d on true"
        " order by lower(b.name), b.id",
    )
    for lab in found:
        lab["state"] = _state(lab["company_state"], lab["differences"], lab["unexplained"])
    return found


def _state(company_state: str | None, differences: int, unexplained: int) -> str | None:
    """A lab's state: that its company's other labs differ is not its own matter."""
    if company_state in (None, "failed"):
        return company_state
    return "differs" if unexplained else "explained" if differences else "equal"


def months(connection: psycopg.Connection, realm_id: str) -> list[Row]:
    """The last finished proof of each month, the newest first: {id, month, finished_at}."""
    return rows(
        connection,
        "select distinct on (date_trunc('month', as_of)) id, date_trunc('month', as_of)::date as month, as_of,"
        "       finished_at from qbo_sync.reconciliation where realm_id = %s and finished_at is not null"
        "   and state <> 'failed' order by date_trunc('month', as_of) desc, finished_at desc",
        [realm_id],
    )


def read_proof(connection: psycopg.Connection, lab: Row, proof_id: int | None) -> LabProof | None:
    """One lab's part of a proof of its company, the last finished one if none is named; None: there is none yet.

    404 for a proof that is not of the lab's company.
    """
    proof = row(
        connection,
        "select * from qbo_sync.reconciliation where realm_id = %(realm)s and finished_at is not null"
        "   and (%(id)s::bigint is null or id = %(id)s) order by finished_at desc limit 1",
        {"realm": lab["realm_id"], "id": proof_id},
    )
    if proof is None:
        if proof_id is not None:
            raise HTTPException(404)
        return None
    own = {"id": proof["id"], "lab": lab["id"]}
    customers = rows(connection, _CUSTOMERS, own)
    differences = rows(connection, _DIFFERENCES, own)
    found = rows(connection, _AGING, own)
    aging = {one["bucket"]: one for one in found}
    for one in customers:
        _complete(one, differences)
    return LabProof(
        proof=proof,
        lab=lab,
        state=_state(proof["state"], len(differences), sum(not one["explained"] for one in differences)) or "failed",
        customers=sorted(customers, key=_order),
        differences=differences,
        totals={
            f"{side}_{figure}": sum((one[f"{side}_{figure}"] for one in customers), ZERO)
            for side in ("lms", "qbo")
            for figure, _ in FIGURES
        },
        aging=[{"bucket": name, **_amounts(aging.get(name))} for name in BUCKETS],
    )


def _complete(customer: Row, differences: Sequence[Row]) -> None:
    """Balances, gap and the records of a customer."""
    customer["lms_other"] = ZERO
    for side in ("lms", "qbo"):
        customer[f"{side}_balance"] = (
            customer[f"{side}_invoices_open"]
            - customer[f"{side}_credits_open"]
            - customer[f"{side}_payments_open"]
            + customer[f"{side}_other"]
        )
    customer["gap"] = customer["qbo_balance"] - customer["lms_balance"]
    customer["records"] = [
        one for one in differences if customer["customer"] in (one["lms_customer"], one["qbo_customer"])
    ]


def _order(customer: Row) -> tuple[Any, ...]:
    """What needs attention first, then what is explained, then by name."""
    name = (customer["parent"] or customer["name"]).casefold()
    return (
        not customer["unexplained"],
        not customer["differences"],
        name,
        customer["parent"] is not None,
        customer["name"].casefold(),
    )


def _amounts(bucket: Row | None) -> dict[str, Decimal]:
    return {"lms": bucket["lms"], "qbo": bucket["qbo"]} if bucket else {"lms": ZERO, "qbo": ZERO}
