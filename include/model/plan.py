"""A plan: the one step for one record, of either direction."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Generic, Literal, TypeVar

from include.model.problem import Problem
from include.model.record import RecordKey, Side

T = TypeVar("T")

#: `rebase` and `unlink` touch only our own link; `adopt` links what is there already.
Step = Literal["create", "update", "delete", "adopt", "rebase", "unlink", "nothing", "wait", "fail"]

#: The steps that write to a side.
WRITES: tuple[Step, ...] = ("create", "update", "delete")


class Cause(Enum):
    """Why. The value is for the operator who reads the staged rows; code asks the member."""

    # create, adopt
    NEW = "new on the other side"
    MATCH = "the same record is there already, linked to nothing"
    UNCONFIRMED_CREATE = "made by an earlier create that was answered with a fault"
    # update, delete
    CHANGED = "changed on the other side"
    VOIDED = "voided in QuickBooks"
    BALANCE = "only the balance differs"
    MOVED = "moved to another billing account"
    DELETED = "deleted on the other side"
    # our own link
    CHANGED_ALIKE = "changed alike on both sides"
    LINKED_BY_HAND = "linked by hand: what both sides say now is agreed on"
    DELETED_ON_BOTH_SIDES = "deleted on both sides"
    LINKED_TO_NOTHING = "linked by hand to what QuickBooks has deleted or voided: the link is taken back"
    REMOVED_FROM_LMS = "not in the LMS any more; customers and items are never deleted"
    # nothing
    IN_STEP = "in step"
    NOT_PUSHED = "changed, but the matrix lets this change stay where it was made"
    NEVER_SYNCED = "deleted before it was ever synced"
    NO_RECORD_OF_ITS_OWN = "its billing account is combined"
    FROM_QUICKBOOKS = "it came from QuickBooks"
    DIRECTION = "the lab's direction does not let it flow"
    BEFORE_START_DATE = "dated before the sync's start date"
    OUR_CREDIT_APPLICATION = "it applies a credit of the LMS"
    LEAVES_WITH_INVOICE = "its invoice is about to be deleted in QuickBooks, which takes it off the payment or credit"
    LEFT_ALONE = "left alone until somebody asks for it"
    NO_MONEY = "no money moved: a credit that QuickBooks applied, or a void"
    # wait
    REFERENCE = "what it refers to is not linked yet"
    MATCH_IN_FLIGHT = "a record that looks the same is on its way to QuickBooks"
    POSSIBLE_DUPLICATE = "may be the same money as a payment of the LMS: a person has to say"
    LINES_LOST = "QuickBooks shows a total without lines"
    HELD = "held back by the lab's setting"
    MANY_AT_ONCE = "held: the run would delete or void many records at once"
    # of an undo
    TAKEN_BACK = "what a run did is taken back"
    # fail
    PROBLEM = "a person has to decide or correct something"


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """The record that an `adopt` links: QuickBooks' towards QuickBooks, the LMS's towards the LMS."""

    id: str
    sync_token: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan(Generic[T]):
    """One step for one record."""

    step: Step
    cause: Cause
    #: The side that is written, or would be; None: neither, or only our own link.
    side: Side | None = None
    #: What both sides agree on once it is done; with `wait` and `fail`, what would be written.
    target: T | None = None
    #: adopt: what is linked.
    match: Match | None = None
    #: adopt: what the LMS has become since is planned after, on the link.
    plan_again: bool = False
    #: wait: the record that has to be linked first. With a write: what the rest of it waits for.
    waits_for: RecordKey | None = None
    #: wait: seconds, where no record is waited for.
    wait_seconds: float = 0.0
    #: wait: until then, however long that is.
    wait_until: datetime | None = None
    #: fail: what stands in the way. With any other step: what a person should know although it is done.
    problem: Problem | None = None


def nothing(cause: Cause) -> Plan[T]:
    """Leave the record alone."""
    return Plan(step="nothing", cause=cause)


def fail(problem: Problem, side: Side, target: T | None = None) -> Plan[T]:
    """Report it as a sync error on the way to that side."""
    return Plan(step="fail", cause=Cause.PROBLEM, side=side, target=target, problem=problem)
