"""Text in a file for a spreadsheet."""

#: What a spreadsheet would take for the beginning of a formula (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def plain(text: str | None) -> str:
    """The text; with an apostrophe in front if a spreadsheet would run it as a formula."""
    return f"'{text}" if text and text.startswith(_FORMULA) else text or ""
