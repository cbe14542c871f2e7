"""What stands in the way of a record, told so that a bookkeeper can act on it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Why a record cannot be synced."""

    #: Stable short code: `validation_failed`, `name_taken`, `qbo_6140`, …
    code: str
    #: One sentence that says what is wrong, with the record's own words.
    message: str
    #: What the bookkeeper or lab manager should do.
    resolution: str
    #: For support: the fault as received, the expectation that failed. Never a secret.
    detail: Mapping[str, Any] = field(default_factory=dict)
    #: What it is about beside the record itself: when one of these changes, the record is tried again (rule 8.3).
    causes: tuple[str, ...] = ()


def listed(parts: Sequence[str]) -> str:
    """As a sentence lists them: “a”, “a and b”, “a, b, and c”."""
    if len(parts) > 2:
        return f"{', '.join(parts[:-1])}, and {parts[-1]}"
    return " and ".join(parts)


#: The company's settings in QuickBooks, as a cause.
PREFERENCES = "Preferences"


def in_quickbooks(resource: str, qbo_id: str) -> str:
    """A record of QuickBooks as a cause. (The resource alone stands for any record of it.)"""
    return f"{resource}:{qbo_id}"


def in_lms(entity: str, lms_id: str) -> str:
    """A record of the LMS as a cause."""
    return f"lms.{entity}:{lms_id}"
