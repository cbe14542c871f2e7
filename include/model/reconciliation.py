"""Why a record stands differently on the two sides."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class Cause(StrEnum):
    """The cause of a difference that the ledger proof found."""

    WAITING = "waiting"
    #: Many deletes at once, a hold: a person decides or a day has to come.
    HELD = "held"
    #: Its delete was refused, for one: it is not synced until someone asks for it.
    LEFT_ALONE = "left_alone"
    ERROR = "error"
    #: An edit that does not flow to the other side (rules 4 and 6).
    EDITED = "edited"
    BEFORE_START_DATE = "before_start_date"
    SWITCHED_OFF = "switched_off"
    #: What the bookkeeper has in QuickBooks alone, of a kind that never comes to the LMS.
    QUICKBOOKS_ONLY = "quickbooks_only"
    #: Only one side has it, or both have it without a link.
    MISSING = "missing"
    OTHER_CUSTOMER = "other_customer"
    #: None of these.
    DRIFT = "drift"


#: What nobody has been told of yet: somebody has to look.
UNEXPLAINED = frozenset({Cause.MISSING, Cause.OTHER_CUSTOMER, Cause.DRIFT})

#: compare: mark it again, on both sides; link: join the two records first.
Fix = Literal["compare", "link"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Why a record differs, in the words of a bookkeeper."""

    cause: Cause
    reason: str
    what_to_do: str
    fix: Fix | None = None
    #: The sync error that tells of it.
    sync_error_id: int | None = None

    @property
    def explained(self) -> bool:
        """Whether somebody knows of it already: an error says so, a setting wants it so, or it passes by itself."""
        return self.cause not in UNEXPLAINED or self.sync_error_id is not None
