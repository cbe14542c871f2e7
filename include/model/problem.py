"""What stands in the way of a record, told so that a bookkeeper can act on it."""

from collections.abc import Mapping
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
