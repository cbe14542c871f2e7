"""What a plan says for the way from QuickBooks to the LMS."""

from dataclasses import dataclass
from typing import Any, Literal

from include.model.problem import Problem

#: `rebase` and `unlink` touch only our own link.
InboundAction = Literal["create", "update", "delete", "adopt", "rebase", "unlink", "nothing", "wait", "fail"]


@dataclass(frozen=True, kw_only=True, slots=True)
class InboundPlan:
    """One action for one record of QuickBooks."""

    action: InboundAction
    #: Why, in a few words, for the operator who reads the staged rows.
    reason: str
    #: adopt: the LMS record to link.
    lms_id: str | None = None
    #: wait: the QuickBooks invoice that has to be linked first, …
    waits_for_invoice: str | None = None
    #: … or for how long.
    wait_seconds: float = 0.0
    #: nothing: this version of QuickBooks' does not count as seen, for a setting that moves may let it in.
    left_alone: bool = False
    #: fail: what stands in the way. Otherwise: what the bookkeeper should know although it is done.
    problem: Problem | None = None

    def to_plain(self) -> dict[str, Any]:
        """As JSON values, for the staged row."""
        return {
            "reason": self.reason,
            "lms_id": self.lms_id,
            "waits_for_invoice": self.waits_for_invoice,
            "wait_seconds": self.wait_seconds,
            "left_alone": self.left_alone,
        }


def leave(reason: str) -> InboundPlan:
    """Leave the record alone."""
    return InboundPlan(action="nothing", reason=reason)


def leave_until_settings_move(reason: str) -> InboundPlan:
    """Leave the record alone, its balance and its link too."""
    return InboundPlan(action="nothing", reason=reason, left_alone=True)


def refuse(problem: Problem) -> InboundPlan:
    """Tell the bookkeeper."""
    return InboundPlan(action="fail", reason=problem.code, problem=problem)


def wait(reason: str, seconds: float) -> InboundPlan:
    """Look again a little later."""
    return InboundPlan(action="wait", reason=reason, wait_seconds=seconds)


def customer_not_linked(what: str, customer_id: str, customer_name: str) -> Problem:
    """`what`: e.g. “Invoice 1042 over $100.00”."""
    return Problem(
        code="customer_not_linked",
        message=f"{what} is for the QuickBooks customer “{customer_name}”, which is linked to nothing in Pilot.",
        resolution="Link the customer on the QuickBooks Online page to a billing account or a doctor–office pair, or "
        "ignore it there. What waits for it then comes by itself.",
        detail={"customer_id": customer_id, "customer_name": customer_name},
    )


def conflict(code: str, message: str, resolution: str, *, lost: str, lms: Any, qbo: Any) -> Problem:
    """Both sides changed: the version that lost is kept beside the one that stays."""
    return Problem(code=code, message=message, resolution=resolution, detail={"lost": lost, "lms": lms, "qbo": qbo})
