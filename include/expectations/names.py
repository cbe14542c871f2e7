"""What the name of any list record in QuickBooks must fulfil (facts 9.1, 9.2)."""

from typing import Any

import great_expectations.expectations as gxe


def row(name: str) -> dict[str, Any]:
    """The columns that the rules ask for and the messages show."""
    return {"name": name, "shown": name if len(name) <= 80 else name[:79] + "…", "length": len(name)}


def expectations(noun: str, limit: int) -> list[Any]:
    """Present, not too long, no forbidden character. `noun` may be a column in braces."""
    return [
        gxe.ExpectColumnValuesToMatchRegex(
            column="name",
            regex=r"\S",
            meta={
                "rule": "name_present",
                "message": f"A {noun} has no name in Pilot.",
                "resolution": "Give it a name in Pilot.",
            },
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="length",
            max_value=limit,
            meta={
                "rule": "name_length",
                "message": f"The name of the {noun} “{{shown}}” has {{length}} characters; QuickBooks allows at most "
                f"{limit}.",
                "resolution": "Shorten the name in Pilot.",
            },
        ),
        gxe.ExpectColumnValuesToNotMatchRegex(
            column="name",
            regex=r"[:\t\n\r]",
            meta={
                "rule": "name_characters",
                "message": f"The name of the {noun} “{{shown}}” contains a colon, tab, or line break, which QuickBooks "
                "does not allow.",
                "resolution": "Remove that character from the name in Pilot.",
            },
        ),
    ]
