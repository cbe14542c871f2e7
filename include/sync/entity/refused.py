"""Names and numbers about which QuickBooks refuses to be asked: only that record fails (sync rules, section 8.3)."""

from collections.abc import Mapping

from include.model.problem import Problem
from include.qbo.faults import Fault
from include.sync.plan.action import Plan, fail
from include.sync.staging import StagedRecord


def note_refused(record: StagedRecord, name: str, refused: Mapping[str, Fault]) -> None:
    """Remember it for the plan."""
    if name in refused:
        record.qbo["refused"] = {"name": name, **refused[name].as_detail()}


def plan_refused(record: StagedRecord) -> Plan | None:
    """Whether there is such a record in QuickBooks cannot be told, so none is made."""
    refused = record.qbo.get("refused")
    if refused is None:
        return None
    problem = Problem(
        code="lookup_refused",
        message=f"QuickBooks cannot be asked whether it has “{refused['name']}” already: it refuses the question.",
        resolution="Remove unusual characters from this name or number in Pilot; it is then tried again by itself.",
        detail=refused,
    )
    return fail(problem)
