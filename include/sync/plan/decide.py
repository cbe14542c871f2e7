"""The three-way comparison: what to do follows from the base and from what both sides say now.

`None` stands for "not there". The values are what both sides keep in step (for a payment its amount and applications),
so that equal values mean: in step. A delete wins over an update, of two updates QuickBooks' wins (rule 8.4); nothing is
written against the matrix or the lab's direction. Where that direction lets nothing come back from QuickBooks, a change
in the LMS is sent over one that was made there. (Credits never come back: plan/credit.py says what then.)
"""

from dataclasses import dataclass
from typing import Any, Literal

from include.model.record import Operation, Side
from include.sync.plan.matrix import Allowed


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """One step on one side; rebase and unlink touch only our own link."""

    step: Literal["create", "update", "delete", "rebase", "unlink", "nothing"]
    side: Side | None = None
    #: Both sides changed: which rule decided.
    conflict: Literal["conflict_qbo_kept", "conflict_deleted"] | None = None


NOTHING = Decision(step="nothing")


def decide(base: Any, lms: Any, qbo: Any, may: Allowed) -> Decision:
    """The one step that brings both sides closer; total over all combinations."""
    if base is None:
        return _unlinked(lms, qbo, may)
    if lms is None and qbo is None:
        return Decision(step="unlink")
    if lms is None:
        return _deleted("qbo", may.to_qbo, changed=qbo != base)
    if qbo is None:
        return _deleted("lms", may.to_lms, changed=lms != base)
    return _on_both_sides(base, lms, qbo, may)


def _unlinked(lms: Any, qbo: Any, may: Allowed) -> Decision:
    if lms is not None and qbo is None and "create" in may.to_qbo:
        return Decision(step="create", side="qbo")
    if qbo is not None and lms is None and "create" in may.to_lms:
        return Decision(step="create", side="lms")
    return NOTHING


def _deleted(side: Side, operations: frozenset[Operation], *, changed: bool) -> Decision:
    """Deleted on the other side: is deleted here too, even if it was changed here meanwhile."""
    if "delete" not in operations:
        return NOTHING
    return Decision(step="delete", side=side, conflict="conflict_deleted" if changed else None)


def _on_both_sides(base: Any, lms: Any, qbo: Any, may: Allowed) -> Decision:
    if lms == qbo:
        return NOTHING if base == lms else Decision(step="rebase")
    lms_changed, qbo_changed = lms != base, qbo != base
    if qbo_changed and "update" in may.to_lms:
        return Decision(step="update", side="lms", conflict="conflict_qbo_kept" if lms_changed else None)
    if lms_changed and "update" in may.to_qbo:
        return Decision(step="update", side="qbo")
    return NOTHING
