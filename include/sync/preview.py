"""A preview: what a sync would do, kept for people to read. How it is found: steps.py (one DAG's dry run) and
dry_run.py (all that a lab or a company has to sync)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import psycopg

from include.company.runtime import Run
from include.lms.database import jsonb
from include.lms.document import invoice_numbers
from include.model.canonical import amount_of, customer_of
from include.model.plan import Plan
from include.model.problem import Problem
from include.model.record import Direction, Entity, RecordKey, Side
from include.model.staged import LmsInvoice, LmsPayment, StagedRecord
from include.model.typed_json import Canonical
from include.sync.entity.base import EntitySync
from include.sync.entity.payer import names_of
from include.sync.hand_over import is_for_this_run

Row = StagedRecord[Any, Any, Any, Any]
Sync = EntitySync[Any, Any, Any, Any]

#: The side that a direction writes.
WRITTEN_SIDE: Mapping[Direction, Side] = {"lms_to_qbo": "qbo", "qbo_to_lms": "lms"}

#: What a preview shows. Everything else leaves both sides as they are.
SHOWN = ("create", "update", "delete", "adopt", "wait", "fail")


@dataclass(frozen=True, kw_only=True, slots=True)
class PreviewRecord:
    """One record of a preview, a row of qbo_sync.preview_record. Money in dollars."""

    billing_lab_id: int | None
    entity: Entity
    side: Side
    step: str
    cause: str
    lms_id: str | None = None
    qbo_id: str | None = None
    number: str | None = None
    customer: str | None = None
    dated: date | None = None
    #: After the step; of a delete, before it. None: a customer or an item has none.
    amount: Decimal | None = None
    #: The record that has to be synced first, in words.
    waits_for: str | None = None
    #: When the lab lets a held invoice go.
    waits_until: datetime | None = None
    problem: Problem | None = None


@dataclass(kw_only=True, slots=True)
class Found:
    """What a preview has found so far."""

    records: list[PreviewRecord] = field(default_factory=list)
    unchanged: int = 0

    def add(self, connection: psycopg.Connection, sync: Sync, records: Sequence[Row]) -> None:
        """Describe the planned records of one entity; those with nothing to do, or with something for the other
        direction, are counted."""
        shown = [one for one in records if is_shown(one)]
        self.unchanged += len(records) - len(shown)
        described = [(one, document_of(one)) for one in shown]
        keys = {key for _, document in described if (key := customer_of(document))}
        names = names_of(connection, keys)
        waited_for = [one.planned.waits_for for one in shown if one.direction == "lms_to_qbo"]
        numbers = invoice_numbers(connection, [key.id for key in waited_for if key and key.entity == "invoice"])
        for record, document in described:
            self.records.append(_describe(sync, record, document, names, numbers))


def is_shown(record: Row) -> bool:
    """Whether a preview has a row for it: something is written, linked, or stands in the way."""
    plan = record.planned
    return is_for_this_run(record, plan) and (plan.step in SHOWN or bool(record.problems))


def document_of(record: Row) -> Canonical | None:
    """The record as it would be: as planned, else as the LMS has it, else as both sides agreed."""
    plan: Plan[Any] = record.planned
    if plan.target is not None:
        return plan.target
    lms = record.lms
    if isinstance(lms, LmsInvoice):
        return lms.invoice
    if isinstance(lms, LmsPayment):
        return lms.payment
    return lms if lms is not None else record.link.base if record.link else None


def _describe(
    sync: Sync,
    record: Row,
    document: Canonical | None,
    names: Mapping[RecordKey, str],
    numbers: Mapping[str, str],
) -> PreviewRecord:
    plan = record.planned
    return PreviewRecord(
        billing_lab_id=sync.lab_of(record),
        entity=record.entity,
        side=WRITTEN_SIDE[record.direction],
        step=plan.step if plan.step in SHOWN else "fail",
        cause=plan.cause.value,
        lms_id=record.lms_id or (plan.match.id if plan.match and plan.side == "lms" else None),
        qbo_id=record.qbo_id or (plan.match.id if plan.match and plan.side == "qbo" else None),
        number=sync.document_number(record),
        customer=_customer_name(record, document, names),
        dated=sync.subject(record).dated,
        amount=_amount(record, document),
        waits_for=_in_words(plan.waits_for, names, numbers) if plan.waits_for and plan.step == "wait" else None,
        waits_until=plan.wait_until,
        problem=record.problem,
    )


def _customer_name(record: Row, document: Canonical | None, names: Mapping[RecordKey, str]) -> str | None:
    key = customer_of(document)
    theirs = getattr(record.fetched, "customer_name", None)
    return names.get(key) or theirs if key else theirs


def _amount(record: Row, document: Canonical | None) -> Decimal | None:
    if document is None:
        # New in QuickBooks, and nothing of it can be in the LMS.
        return getattr(record.fetched, "total", getattr(record.fetched, "amount", None))
    return amount_of(document)


def _in_words(key: RecordKey, names: Mapping[RecordKey, str], numbers: Mapping[str, str]) -> str:
    if key.entity == "invoice":
        return f"invoice {numbers.get(key.id, f'with QuickBooks id {key.id}')}"
    if key.entity == "special_item":
        return f"item “{key.id}”"
    return names.get(key, f"{key.entity.replace('_', ' ')} {key.id}")


def keep(
    connection: psycopg.Connection, run: Run, realm_id: str, billing_lab_id: int | None, found: Found
) -> dict[str, int]:
    """Keep the preview, in the caller's transaction, in place of an earlier try of the run; the counts by step."""
    connection.execute(
        "delete from qbo_sync.preview where dag_id = %s and run_id = %s and realm_id = %s",
        [run.dag_id, run.run_id, realm_id],
    )
    row = connection.execute(
        "insert into qbo_sync.preview (realm_id, billing_lab_id, dag_id, run_id, unchanged, calls)"
        " values (%(realm)s, %(lab)s, %(dag)s, %(run)s, %(unchanged)s,"
        "         (select count(*) from qbo_sync.api_call"
        "           where realm_id = %(realm)s and dag_id = %(dag)s and run_id = %(run)s))"
        " returning id",
        {
            "realm": realm_id,
            "lab": billing_lab_id,
            "dag": run.dag_id,
            "run": run.run_id,
            "unchanged": found.unchanged,
        },
    ).fetchone()
    preview_id = row[0] if row else None
    columns = (
        "billing_lab_id, entity, side, step, cause, lms_id, qbo_id, number, customer, dated, amount, waits_for,"
        " waits_until, error_code, message, resolution, candidates"
    )
    with (
        connection.cursor() as cursor,
        cursor.copy(f"copy qbo_sync.preview_record (preview_id, position, {columns}) from stdin") as copy,
    ):
        for position, one in enumerate(found.records, 1):
            copy.write_row([preview_id, position, *_values(one)])
    counts = Counter(one.step for one in found.records)
    return {**counts, "unchanged": found.unchanged}


def _values(one: PreviewRecord) -> list[Any]:
    values = asdict(replace(one, problem=None))
    del values["problem"]
    problem = one.problem
    told = [problem.code, problem.message, problem.resolution] if problem else [None, None, None]
    return [*values.values(), *told, jsonb(_candidates(problem))]


def _candidates(problem: Problem | None) -> Sequence[str]:
    """Of which one has to be chosen: ids on the other side."""
    if problem is None:
        return []
    if problem.code == "possible_duplicate":
        return [str(problem.detail["qbo_payment_id"])]
    return [str(one) for one in problem.detail.get("candidates", ())] if problem.code == "ambiguous_match" else []
