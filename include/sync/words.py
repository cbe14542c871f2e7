"""QuickBooks' faults in the words of a bookkeeper: what is wrong, and what to do.

One table from fault code to words; codes from the dossier, section 8.4. The fault itself goes into the error's detail.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from include.model.money import show
from include.model.problem import Problem
from include.qbo.faults import Fault

#: Code → (what is wrong, what to do). {record} is e.g. “Invoice 1042”.
_WORDS: Mapping[str, tuple[str, str]] = {
    "620": (
        "{record} links transactions of different customers in QuickBooks.",
        "Move them to one customer in QuickBooks, or apply the money otherwise in Pilot; then retry.",
    ),
    "6140": (
        "{record} cannot be created in QuickBooks: its number is already used there.",
        "Give the other transaction in QuickBooks a different number, then retry.",
    ),
    "6240": (
        "{record} cannot be created in QuickBooks: another customer, vendor or employee already has this name.",
        "Rename one of the two, in QuickBooks or in Pilot, so that the names differ.",
    ),
    "2040": (
        "{record} contains a character that QuickBooks does not accept in this place.",
        "Remove colons, tabs and line breaks from its name in Pilot.",
    ),
    "2050": (
        "{record} is too long for QuickBooks.",
        "Shorten it in Pilot; QuickBooks says: {detail}",
    ),
    "2210": (
        "{record} has an e-mail address that QuickBooks does not accept.",
        "Correct the e-mail address in Pilot.",
    ),
    "6070": (
        "{record} has a line whose amount is not quantity × price.",
        "Correct the line in Pilot; QuickBooks says: {detail}",
    ),
    "6200": (
        "{record} is dated in a period that is closed in QuickBooks.",
        "Move the closing date in QuickBooks (Account and settings > Advanced), then retry.",
    ),
    "6210": (
        "{record} is dated in a period that is closed in QuickBooks.",
        "Move the closing date in QuickBooks (Account and settings > Advanced), then retry.",
    ),
    "6190": (
        "{record} cannot be sent: the QuickBooks subscription has ended or was not paid, so the company is read-only.",
        "Renew the QuickBooks subscription; the record is sent by itself afterwards.",
    ),
    "6430": (
        "{record} uses a QuickBooks account of the wrong type.",
        "Choose other accounts for this lab on the QuickBooks Online page.",
    ),
    "6540": (
        "{record} is part of a bank deposit in QuickBooks and cannot be changed.",
        "Remove it from the deposit in QuickBooks, then retry.",
    ),
    "5020": (
        "{record} was refused: the person who connected QuickBooks may not do this there.",
        "Let a QuickBooks administrator reconnect the company.",
    ),
    "5030": (
        "{record} needs a feature that this QuickBooks subscription does not have.",
        "QuickBooks says: {detail}",
    ),
}

_INACTIVE = (
    "{record} uses a customer, product or account that was made inactive in QuickBooks.",
    "Make it active again in QuickBooks, then retry. QuickBooks says: {detail}",
)
_UNKNOWN_REFERENCE = (
    "{record} refers to a customer, product or account that QuickBooks does not have any more.",
    "Check the lab's accounts on the QuickBooks Online page. QuickBooks says: {detail}",
)
_OTHER = (
    "QuickBooks refused {record_lower}: {detail}",
    "Correct it as QuickBooks says and retry, or ask support and quote the tracking id in the details.",
)


def explain(fault: Fault, record: str) -> Problem:
    """The fault as a problem of `record` (e.g. “Invoice 1042”)."""
    code = f"qbo_{fault.code}" if fault.code else f"http_{fault.status}"
    if fault.code in ("610", "2500") and "inactive" in fault.detail:
        code, (message, resolution) = "inactive_reference", _INACTIVE
    elif fault.code in ("610", "2500"):
        message, resolution = _UNKNOWN_REFERENCE
    else:
        message, resolution = _WORDS.get(fault.code, _OTHER)
    said = fault.detail or fault.message
    words = {"record": record, "record_lower": record[:1].lower() + record[1:], "detail": said}
    return Problem(
        code=code,
        message=message.format(**words),
        resolution=resolution.format(**words),
        detail=fault.as_detail(),
    )


def is_gone(fault: Fault) -> bool:
    """Whether the transaction itself is gone (610; dossier 8.4), rather than something that it uses."""
    return fault.code == "610" and "inactive" not in fault.detail


def not_taken_over(noun: str, kept: Decimal, detail: Mapping[str, Any], *, beside: str = "") -> Problem:
    """QuickBooks has been seen to answer 200 and change nothing in a closed year (trap 19)."""
    return Problem(
        code="not_taken_over",
        message=f"{noun} was sent, but QuickBooks kept {show(kept)}{beside}.",
        resolution="Check in QuickBooks whether its period is closed, then retry.",
        detail=detail,
    )


def not_deleted(noun: str) -> Problem:
    """As with what is changed there (trap 19), QuickBooks may answer 200 to a delete and keep the record."""
    return Problem(
        code="not_taken_over",
        message=f"{noun} was to be deleted, but QuickBooks kept it.",
        resolution="Check in QuickBooks whether its period is closed, then retry.",
    )
