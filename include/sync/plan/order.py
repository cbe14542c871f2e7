"""Who goes first within a run (rule 8.5): deletes before creates, both ways, so that a number that was freed can be
taken in the same run."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from include.model.plan import Plan, Step
from include.model.staged import StagedRecord
from include.sync.plan.invoice import StagedInvoice

_ORDER: dict[Step, int] = {"delete": 0, "unlink": 1, "update": 2, "rebase": 3, "adopt": 4, "create": 5}

R = TypeVar("R", bound=StagedRecord[Any, Any, Any, Any])


def in_write_order(records: Iterable[R]) -> list[R]:
    """The planned records in the order in which they are written; as they stood where it does not matter."""
    return sorted(records, key=lambda record: _ORDER.get(record.planned.step, len(_ORDER)))


def ignore_leaving(records: Sequence[StagedInvoice], plans: Sequence[Plan[Any]]) -> list[StagedInvoice]:
    """The new invoices of QuickBooks whose number is borne in the LMS by invoices that are deleted in this very run:
    those do not count any more, so these are to be planned again. `plans`: one for each of the records."""
    leaving = {
        record.lms_id
        for record, plan in zip(records, plans, strict=True)
        if plan.side == "lms" and plan.step == "delete"
    }
    again = []
    for record in records:
        staying = tuple(one for one in record.known.lms_number_matches if one.lms_id not in leaving)
        if staying != record.known.lms_number_matches:
            record.known.lms_number_matches = staying
            again.append(record)
    return again
