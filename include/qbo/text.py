"""Free text, both ways: within QuickBooks' limits (rule 8.7), and without what no database keeps.

Names and numbers are never cut.
"""

import re
from typing import Any

#: PrivateNote and line Description (fact 9.4).
TEXT_LIMIT = 4000
ELLIPSIS = "…"

#: PostgreSQL has no NUL character, and half of a pair of surrogates is no text at all.
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")


def cut(text: str | None, limit: int = TEXT_LIMIT) -> str | None:
    """The text, shortened with an ellipsis where QuickBooks would refuse it; None for blank text."""
    if text is None or not text.strip():
        return None
    return text if len(text) <= limit else text[: limit - len(ELLIPSIS)] + ELLIPSIS


def keepable(value: Any) -> Any:
    """Parsed JSON without the characters that would stop the whole step which stores it, for the sake of one memo."""
    if isinstance(value, str):
        return _UNKEEPABLE.sub("", value)
    if isinstance(value, list):
        return [keepable(member) for member in value]
    if isinstance(value, dict):
        return {name: keepable(member) for name, member in value.items()}
    return value


def without_nulls(value: Any) -> Any:
    """Parsed JSON in which a field that is null is not there: it says the same, and is read in one way only."""
    if isinstance(value, list):
        return [without_nulls(member) for member in value]
    if isinstance(value, dict):
        return {name: without_nulls(member) for name, member in value.items() if member is not None}
    return value
