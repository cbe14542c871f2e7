"""Names and numbers as both sides can compare them."""

import unicodedata


def clean(name: str) -> str:
    """Without blanks around it, for QuickBooks trims them; and with each accent in one character (Unicode's NFC), as
    keyboards type it: exports and macOS have them apart, and what looks the same would be there twice."""
    return unicodedata.normalize("NFC", name.strip())
