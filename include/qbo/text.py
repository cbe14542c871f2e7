"""Free text within QuickBooks' limits (sync rules, section 8.7). Names and numbers are never cut."""

#: PrivateNote and line Description (dossier 9.4).
TEXT_LIMIT = 4000
ELLIPSIS = "…"


def cut(text: str | None, limit: int = TEXT_LIMIT) -> str | None:
    """The text, shortened with an ellipsis where QuickBooks would refuse it; None for blank text."""
    if text is None or not text.strip():
        return None
    return text if len(text) <= limit else text[: limit - len(ELLIPSIS)] + ELLIPSIS
