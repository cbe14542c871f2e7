"""The ledger proof, step by step, as the tasks of `ledger_reconciliation` call it.

    companies   the connected companies
    extract     reads QuickBooks' side by the page, or what changed since the last proof; sets both sides side by side
    transform   adds up each customer on both sides, and finds the cause of each record that differs
    validate    checks that the proof itself adds up (Great Expectations), and keeps the results
    load        closes the proof: equal, explained or different

XCom carries counts only; the records are in qbo_sync.reconciliation_record until the proof is closed.
"""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pandas as pd
import psycopg
from psycopg.rows import dict_row

from include.company.company import read_company, require_known
from include.company.runtime import Run, Runtime
from include.expectations.errors import BrokenExpectation
from include.lms.database import exclusive, jsonb
from include.model.money import ZERO
from include.model.reconciliation import Cause, Finding
from include.reconciliation import causes, compare, records, results, snapshot
from include.reconciliation.causes import Proof
from include.sync import marks

Row = dict[str, Any]


def companies(runtime: Runtime, realm_id: str | None) -> list[dict[str, str]]:
    """The connected companies, or the one asked for: [{realm_id, name}]. Raises UnknownCompany."""
    with runtime.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
        require_known(connection, realm_id)
        return cursor.execute(
            "select realm_id, name from qbo_sync.company c where status = 'connected'"
            "   and (%(realm)s::text is null or realm_id = %(realm)s)"
            "   and exists (select from qbo_sync.connection n where n.realm_id = c.realm_id) order by realm_id",
            {"realm": realm_id},
        ).fetchall()


def extract(runtime: Runtime, realm_id: str, *, full: bool = False) -> dict[str, int]:
    """Bring QuickBooks' side up to date and set both sides side by side: {records, reads}.

    `full`: read all of QuickBooks' side, not only what changed since the last proof. Raises NotConnected.
    """
    with (
        runtime.connect() as connection,
        exclusive(connection, realm_id, "reconciliation"),
        runtime.client(realm_id) as client,
    ):
        company = read_company(connection, realm_id)
        reconciliation_id = _begin(connection, runtime.run, realm_id)
        connection.commit()
        read = snapshot.bring_up_to_date(connection, client, reconciliation_id, full=full)
        marks.dispatch(connection)
        connection.commit()
        count = records.stage(connection, company, reconciliation_id)
        row = connection.execute(
            "update qbo_sync.reconciliation r set read_fully = %s, read_reason = %s,"
            "   reads = (select count(*) from qbo_sync.api_call a where a.realm_id = r.realm_id and a.dag_id = r.dag_id"
            "               and a.run_id = r.run_id and a.at >= r.started_at)"
            " where id = %s returning reads",
            [read is not None, read, reconciliation_id],
        ).fetchone()
        connection.commit()
    return {"records": count, "reads": row[0] if row else 0}


def _begin(connection: psycopg.Connection, run: Run, realm_id: str) -> int:
    """A task that is run again begins its proof anew."""
    connection.execute(
        "delete from qbo_sync.reconciliation where dag_id = %s and run_id = %s and realm_id = %s",
        [run.dag_id, run.run_id, realm_id],
    )
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "insert into qbo_sync.reconciliation (realm_id, dag_id, run_id) values (%s, %s, %s) returning id",
            [realm_id, run.dag_id, run.run_id],
        ).fetchone()
    return int(row["id"]) if row else 0


def _read(connection: psycopg.Connection, run: Run, realm_id: str, *, closed_too: bool = False) -> Row:
    """The run's proof. Raises RuntimeError if `extract` has not begun it.

    Also if it is closed, unless `closed_too`: its records are gone.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "select * from qbo_sync.reconciliation where dag_id = %s and run_id = %s and realm_id = %s",
            [run.dag_id, run.run_id, realm_id],
        ).fetchone()
    closed = row is not None and row["finished_at"] is not None and row["state"] != "failed"
    if row is None or (closed and not closed_too):
        raise RuntimeError(f"run {run.run_id} has no proof of company {realm_id} under way: clear its task extract too")
    return row


def transform(runtime: Runtime, realm_id: str) -> dict[str, int]:
    """Customer by customer, and the cause of each difference: how many of each cause."""
    with runtime.connect() as connection:
        proof = _read(connection, runtime.run, realm_id)
        company = read_company(connection, realm_id)
        customers = records.customers(connection, realm_id, proof["id"])
        names = {key: _full_name(row) for key, row in customers.items()}
        differing = causes.paired(records.differing(connection, realm_id, proof["id"]))
        found = causes.findings(differing, Proof(company=company, started_at=proof["started_at"], customer_names=names))
        differences = [_difference(record, finding) for record, finding in zip(differing, found, strict=True)]
        others = _others(customers, records.receiver(company))
        differences += [_other_entries(row) for row in others if row["qbo_other"]]
        sums = compare.customers(records.sums(connection, proof["id"]), others)
        results.keep(connection, proof["id"], compare.explain(sums, differences), customers, differences)
        connection.commit()
    return dict(Counter(one["cause"] for one in differences))


def _full_name(customer: Row) -> str:
    return f"{customer['parent']}: {customer['name']}" if customer["parent"] else str(customer["name"])


def _difference(record: causes.Record, finding: Finding) -> Row:
    absent = {name: ZERO for name in ("lms_amount", "lms_open", "qbo_amount", "qbo_open") if record[name] is None}
    return {
        **record,
        **absent,
        "dated": record["lms_dated"] or record["qbo_dated"],
        "cause": str(finding.cause),
        "explained": finding.explained,
        "reason": finding.reason,
        "what_to_do": finding.what_to_do,
        "fix": finding.fix,
        "sync_error_id": finding.sync_error_id,
    }


def _others(customers: Mapping[str, Row], lab: int | None) -> list[Row]:
    """Of each customer whose own balance in QuickBooks is not what its transactions come to, or that has none."""
    return [
        {"billing_lab_id": lab, "customer": key, "qbo_other": row["other"]}
        for key, row in customers.items()
        if row["other"]
    ]


def _other_entries(other: Row) -> Row:
    """What the bookkeeper has entered otherwise: journal entries, refunds. They are no records that sync."""
    return {
        **dict.fromkeys(("lms_id", "qbo_id", "number", "dated", "lms_customer", "fix", "sync_error_id")),
        "billing_lab_id": other["billing_lab_id"],
        "entity": "other",
        "qbo_customer": other["customer"],
        **dict.fromkeys(("lms_amount", "lms_open", "qbo_amount"), ZERO),
        "qbo_open": Decimal(other["qbo_other"]) / 100,
        "cause": str(Cause.QUICKBOOKS_ONLY),
        "explained": True,
        "reason": "QuickBooks’ own balance of this customer has other entries in it, such as journal entries or "
        "refunds. They do not sync.",
        "what_to_do": "Nothing, if they are to stay in QuickBooks only. The customer’s transaction list shows them.",
    }


def validate(runtime: Runtime, realm_id: str) -> dict[str, int]:
    """Check that what was written down adds up, and keep the results: {controls, broken}.

    Raises BrokenExpectation if it does not: the proof itself is wrong then, and says nothing about the books.
    """
    # Great Expectations takes seconds to import: only this step pays.
    from include.expectations.reconciliation import check_proof

    with runtime.connect() as connection:
        proof = _read(connection, runtime.run, realm_id)
        customers, differences = results.kept(connection, proof["id"])
        names = records.customers(connection, realm_id, proof["id"])
        keys = {(row["billing_lab_id"], row["customer"]) for row in records.sums(connection, proof["id"])}
        lab = records.receiver(read_company(connection, realm_id))
        keys |= {(row["billing_lab_id"], row["customer"]) for row in _others(names, lab)}
        explained = compare.explain(compare.customers(customers, customers), differences)
        own = {key: row["balance"] for key, row in names.items() if row["balance"] is not None}
        validation = check_proof(
            explained,
            pd.DataFrame(
                differences, columns=["entity", "lms_id", "qbo_id", "qbo_customer", "cause", "what_to_do"]
            ).astype(object),
            compare.own_balances(explained, own),
            {**proof["control"], "customers": len(keys)},
        )
        broken = [one["control"] for one in validation["results"] if not one["success"]]
        connection.execute(
            "update qbo_sync.reconciliation set validation = %s, state = %s,"
            "   finished_at = case when %s then clock_timestamp() end where id = %s",
            [jsonb(validation), "failed" if broken else None, bool(broken), proof["id"]],
        )
        connection.commit()
    if broken:
        raise BrokenExpectation(f"the proof of company {realm_id} does not add up: {'; '.join(broken)}")
    return {"controls": len(validation["results"]), "broken": 0}


def load(runtime: Runtime, realm_id: str) -> dict[str, int]:
    """Close the proof: {differences, unexplained}. Raises BrokenExpectation if it does not add up."""
    with runtime.connect() as connection:
        proof = _read(connection, runtime.run, realm_id, closed_too=True)
        if proof["state"] == "failed":
            raise BrokenExpectation(f"the proof of company {realm_id} does not add up: see the task validate")
        with connection.cursor(row_factory=dict_row) as cursor:
            counts = cursor.execute(
                "select count(*) as differences, count(*) filter (where not explained) as unexplained"
                "  from qbo_sync.reconciliation_difference where reconciliation_id = %s",
                [proof["id"]],
            ).fetchone() or {"differences": 0, "unexplained": 0}
        state = "differs" if counts["unexplained"] else "explained" if counts["differences"] else "equal"
        connection.execute(
            "update qbo_sync.reconciliation set state = %s, finished_at = clock_timestamp() where id = %s",
            [state, proof["id"]],
        )
        records.forget(connection, realm_id)
        connection.commit()
    return dict(counts)
