"""The heart of a two-way sync: what to do follows from the base and what both sides say now.

`None` stands for "not there". The values are what both sides keep in step (for a payment its amount and applications),
so that equal values mean: in step. Rules: a delete wins over an update, of two updates QuickBooks' wins
(sync rules, section 8.4); nothing is written against the direction.
"""

from dataclasses import dataclass
from typing import Any, Literal

Step = Literal["create", "update", "delete", "rebase", "unlink", "nothing"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowed:
    """What the matrix and the lab's direction let flow, to QuickBooks and to the LMS."""

    to_qbo: frozenset[str]
    to_lms: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """One step on one side; rebase and unlink touch only our own link."""

    step: Step
    side: Literal["qbo", "lms"] | None = None
    #: Both sides changed: which rule decided.
    conflict: Literal["conflict_qbo_kept", "conflict_deleted"] | None = None


NOTHING = Decision(step="nothing")


def allowed(operations_to_qbo: set[str], operations_to_lms: set[str], direction: str) -> Allowed:
    """The matrix' operations of an entity, less what the lab's direction stops."""
    return Allowed(
        to_qbo=frozenset(operations_to_qbo if direction in ("lms_to_qbo", "both") else ()),
        to_lms=frozenset(operations_to_lms if direction in ("qbo_to_lms", "both") else ()),
    )


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
    return _both_there(base, lms, qbo, may)


def _unlinked(lms: Any, qbo: Any, may: Allowed) -> Decision:
    if lms is not None and qbo is None and "create" in may.to_qbo:
        return Decision(step="create", side="qbo")
    if qbo is not None and lms is None and "create" in may.to_lms:
        return Decision(step="create", side="lms")
    return NOTHING


def _deleted(side: Literal["qbo", "lms"], operations: frozenset[str], *, changed: bool) -> Decision:
    """Gone on the other side: goes here too, even if it was changed here meanwhile."""
    if "delete" not in operations:
        return NOTHING
    return Decision(step="delete", side=side, conflict="conflict_deleted" if changed else None)


def _both_there(base: Any, lms: Any, qbo: Any, may: Allowed) -> Decision:
    if lms == qbo:
        return NOTHING if base == lms else Decision(step="rebase")
    lms_changed, qbo_changed = lms != base, qbo != base
    if qbo_changed and "update" in may.to_lms:
        return Decision(step="update", side="lms", conflict="conflict_qbo_kept" if lms_changed else None)
    if lms_changed and "update" in may.to_qbo:
        return Decision(step="update", side="qbo")
    return NOTHING
