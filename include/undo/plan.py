"""What is done to take a record back, and what is left as it is. Pure."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Literal

from include.model.canonical import day_of
from include.model.record import LISTS
from include.undo.entries import Written

#: In QuickBooks, or (`rows`) the rows of the LMS are put back as they were.
Action = Literal["create", "update", "delete", "unlink", "rows", "leave"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What is so now."""

    #: QuickBooks' version; None: it does not have the record.
    qbo_token: str | None = None
    #: Its day there.
    qbo_date: dt.date | None = None
    #: Whether it says there what the run left.
    same_content: bool = False
    #: The bank deposit that a payment is in.
    deposit: str | None = None
    #: QuickBooks ids of payments that are applied to it.
    used_by: tuple[str, ...] = ()
    #: Whether every row of the LMS is as the run left it.
    rows_as_left: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What to do with one record; of one that is left, why, for people."""

    action: Action
    reason: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """What else the decisions depend on."""

    #: The last day that is closed.
    closed_through: dt.date | None = None
    #: QuickBooks ids of what the same undo deletes.
    deleted_too: frozenset[str] = field(default_factory=frozenset)


CHANGED_IN_PILOT = "It has been changed in Pilot since."
CHANGED_IN_QUICKBOOKS = "It has been changed in QuickBooks since."
_UNKNOWN = "What it was before is not known."
_STAYS = (
    "Customers and items stay: they hold no money, and other records may need them. Change it in QuickBooks by hand if"
    " it is not what you want."
)


def decide(record: Written, seen: Seen, scope: Scope) -> Decision:
    """Take it back if nothing has happened to it since, on either side."""
    if record.undone:
        return leave("It has been taken back already.")
    if record.changed_later:
        return leave("A later sync has changed it again.")
    if record.left_alone:
        return leave("It is left alone already, as somebody decided earlier.")
    if record.pending:
        return leave("It has changes that are not synced yet.")
    if record.side == "lms":
        if record.last == "unlink":
            return leave(_UNKNOWN)
        return Decision(action="rows") if seen.rows_as_left else leave(CHANGED_IN_PILOT)
    if record.entity in LISTS and not (record.entity == "doctor_office" and record.last == "update"):
        return leave(_STAYS)
    action = _action(record)
    if action is None:
        return leave(_UNKNOWN)
    return _as_things_are(record, action, seen, scope)


def _action(record: Written) -> Action | None:
    """The opposite of what was done; None: nobody knows what was there before."""
    if record.first == "adopt":
        return "unlink"
    if record.first == "create":
        return "leave" if record.last == "delete" else "delete"
    if record.first == "unlink" or record.before is None:
        return None
    return "create" if record.last == "delete" else "update"


def _as_things_are(record: Written, action: Action, seen: Seen, scope: Scope) -> Decision:
    if action == "leave":
        return leave("The run has deleted it itself.")
    if action == "create":
        return _closed(record, action, seen, scope)
    if record.linked_to != record.qbo_id:
        return leave("It is linked to another record by now.")
    if seen.qbo_token is None:
        return leave("It is not in QuickBooks any more.")
    if action != "unlink" and seen.deposit:
        return leave("It is part of a bank deposit in QuickBooks. Take it off the deposit first.")
    if action == "delete" and set(seen.used_by) - scope.deleted_too:
        return leave("A payment in QuickBooks is applied to it.")
    if seen.qbo_token != record.sync_token and not _only_applied(record, seen):
        return leave(CHANGED_IN_QUICKBOOKS)
    if action == "unlink":
        return Decision(action=action)
    return _closed(record, action, seen, scope)


def _only_applied(record: Written, seen: Seen) -> bool:
    """A credit memo gets a new version whenever it is applied, an invoice when a payment is applied to it, or taken off
    it again; by us too."""
    return seen.same_content and (record.entity == "credit" or record.applied_since)


def _closed(record: Written, action: Action, seen: Seen, scope: Scope) -> Decision:
    days = [day for day in (seen.qbo_date, day_of(record.before), day_of(record.after)) if day]
    if scope.closed_through and any(day <= scope.closed_through for day in days):
        return leave(f"The books are closed through {scope.closed_through:%m/%d/%Y}, and it is dated before that.")
    return Decision(action=action)


def leave(reason: str) -> Decision:
    """It stays as it is, for this reason."""
    return Decision(action="leave", reason=reason)


#: QuickBooks is written in this order: what uses others goes before them, and comes back after them.
_DELETES = ("credit_application", "payment", "credit", "invoice")
_OTHERS = ("invoice", "doctor_office", "credit", "payment", "credit_application")


def in_order(planned: list[tuple[Written, Action]]) -> list[tuple[Written, Action]]:
    """Deletes first, then links, then what is made again, then what is changed back; on each side newest first."""
    steps: tuple[Action, ...] = ("rows", "delete", "unlink", "create", "update")

    def place(one: tuple[Written, Action]) -> tuple[int, int, int]:
        record, action = one
        entities = _DELETES if action == "delete" else _OTHERS
        kind = entities.index(record.entity) if record.side == "qbo" and record.entity in entities else 0
        return steps.index(action), kind, -record.entry_id

    return sorted(planned, key=place)
