"""What a plan says."""

from dataclasses import dataclass
from typing import Any, Literal

from include.model.problem import Problem
from include.model.record import RecordKey

Action = Literal["create", "update", "delete", "adopt", "rebase", "unlink", "nothing", "wait", "fail"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """One action for one record."""

    action: Action
    #: Why, in a few words, for the operator who reads the staged rows.
    reason: str
    #: The QuickBooks record that is updated, deleted or adopted.
    qbo_id: str | None = None
    sync_token: str | None = None
    #: wait: the record that has to be linked first.
    waits_for: RecordKey | None = None
    #: fail: what stands in the way. With a write: what the bookkeeper should know although it is done (a conflict).
    problem: Problem | None = None
    #: nothing: the QuickBooks record that the other direction's DAG has to look at.
    hand_over: str | None = None

    def to_plain(self) -> dict[str, Any]:
        """As JSON values, for the staged row."""
        return {
            "reason": self.reason,
            "qbo_id": self.qbo_id,
            "sync_token": self.sync_token,
            "waits_for": list(self.waits_for) if self.waits_for else None,
            "hand_over": self.hand_over,
        }


def nothing(reason: str) -> Plan:
    """Leave the record alone."""
    return Plan(action="nothing", reason=reason)


def fail(problem: Problem) -> Plan:
    """Tell the bookkeeper."""
    return Plan(action="fail", reason=problem.code, problem=problem)
