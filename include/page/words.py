"""The page's names for things, as a bookkeeper says them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from include.model.plan import Cause

ENTITIES = {
    "billing_account": "Billing account",
    "doctor_office": "Doctor–office pair",
    "product": "Product",
    "special_item": "Item",
    "invoice": "Invoice",
    "credit": "Credit",
    "credit_application": "Applied credit",
    "payment": "Payment",
}
ENTITY_PLURALS = {
    "billing_account": "Billing accounts",
    "doctor_office": "Doctor–office pairs",
    "product": "Products",
    "special_item": "Special items",
    "invoice": "Invoices",
    "credit": "Credits",
    "credit_application": "Credits applied to invoices",
    "payment": "Payments",
}
DIRECTIONS = {"lms_to_qbo": "Pilot → QuickBooks", "qbo_to_lms": "QuickBooks → Pilot"}
SETTING_DIRECTIONS = {
    "both": "Both directions",
    "lms_to_qbo": "Pilot to QuickBooks only",
    "qbo_to_lms": "QuickBooks to Pilot only",
}
HOLDS = {
    "none": "Send invoices right away",
    "days": "Wait a number of days after the invoice date",
    "month_end": "Wait until the month of the invoice date has ended",
}
OPERATIONS = {"create": "Create", "update": "Update", "delete": "Delete"}
OUTCOMES = {
    "created": "created",
    "updated": "updated",
    "deleted": "deleted",
    "adopted": "linked",
    "unchanged": "unchanged",
    "waiting": "waiting",
    "failed": "failed",
}
#: The sides, and what a preview says of a record.
SIDES = {"qbo": "QuickBooks", "lms": "Pilot"}
PREVIEW_STEPS = {
    "create": "Create",
    "adopt": "Link",
    "update": "Change",
    "delete": "Delete",
    "wait": "Wait",
    "fail": "Problem",
}
#: What an undo does with a record.
UNDO_ACTIONS = {
    "delete": "Deleted in QuickBooks",
    "create": "Created again in QuickBooks",
    "update": "As it was before in QuickBooks",
    "unlink": "Link removed",
    "rows": "As it was before in Pilot",
}
#: Why a record waits, by its cause, where it waits for no other record.
WAITS = {
    Cause.REFERENCE.value: "for a record that has not synced yet",
    Cause.MATCH_IN_FLIGHT.value: "until a record that looks the same is in QuickBooks",
    Cause.POSSIBLE_DUPLICATE.value: "for your decision",
    Cause.LINES_LOST.value: "until QuickBooks shows its lines",
    Cause.MANY_AT_ONCE.value: "for your decision",
}
#: Why QuickBooks is asked as often as it is what changed in a company.
PACES = {
    "busy": "changes often",
    "quiet": "unchanged for a while",
    "webhooks": "QuickBooks reports its changes",
}
STATUSES = {"open": "Open", "ignored": "Ignored", "resolved": "Resolved"}
SEVERITIES = {"problem": "Action required", "warning": "Action recommended", "note": "For your information"}
ACTIONS = {
    "connect": "connected",
    "reconnect": "reconnected",
    "disconnect": "disconnected",
    "connect_refused": "canceled on Intuit’s page and did not connect",
    "settings": "changed the settings of",
    "check": "ran the company check for",
    "preview": "requested a preview for",
    "start": "started the sync of",
    "retry": "retried",
    "ignore": "ignored",
    "reopen": "reopened",
    "link": "linked the customer of",
    "release_held": "let the held deletes be carried out:",
    "refuse_held": "refused the held deletes:",
    "sync_again": "synced again records of",
    "payment_linked": "linked the two payments of",
    "prove": "compared the books of",
    "compare_again": "had differing records compared again for",
    "undo_preview": "checked what of a run can be taken back",
    "undo": "took back a run",
    "release": "released held invoices of",
    "ignore_customer": "permanently ignored the customer of",
}


def hold(setting: str, days: int) -> str:
    """How long a lab's new invoices wait."""
    if setting == "days":
        return f"{several(days, 'day')} after the invoice date"
    return "Until the month of the invoice date has ended" if setting == "month_end" else "Off"


def until(first: datetime, last: datetime) -> str:
    """From when to when what is held goes out: “until 12/01/2026”."""
    if first.astimezone(UTC).date() == last.astimezone(UTC).date():
        return f"until {day(first)}"
    return f"until {day(first)}, the last until {day(last)}"


def waits(cause: str, waits_for: str | None, held_until: datetime | None) -> str:
    """What a record waits for: “for invoice INV-1”, “until 12/01/2026 (held by the lab’s setting)”."""
    if waits_for:
        return f"for {waits_for}"
    return f"until {day(held_until)} (held by the lab’s setting)" if held_until else WAITS.get(cause, "")


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago, in words."""
    if moment is None:
        return "never"
    passed = (now or datetime.now(UTC)) - moment
    if passed < timedelta(seconds=10):
        return "just now"
    return f"{span(passed)} ago"


def span(passed: timedelta | float | None) -> str:
    """A length of time in its largest unit."""
    if passed is None:
        return "–"
    seconds = passed.total_seconds() if isinstance(passed, timedelta) else float(passed)
    if seconds < 1:
        return "less than 1 sec"
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "min")):
        if seconds >= size:
            count = round(seconds / size)
            return f"{count} {unit}{'s' if unit != 'min' and count != 1 else ''}"
    return f"{seconds:.0f} sec"


def every(pause: timedelta) -> str:
    """“every 5 min”, “every hour”."""
    return f"every {span(pause).removeprefix('1 ')}"


def day(value: date | None) -> str:
    """A date as QuickBooks writes it in the US, and as the errors' messages do."""
    return value.strftime("%m/%d/%Y") if value else "–"


def moment(value: datetime | None) -> str:
    """A moment for people, in UTC as Airflow's logs have it."""
    return value.astimezone(UTC).strftime("%m/%d/%Y %H:%M UTC") if value else "–"


def number(value: Any) -> str:
    """A count with thousands apart."""
    return f"{int(value or 0):,}"


def several(count: Any, one: str, many: str | None = None) -> str:
    """“1 invoice”, “1,200 invoices”."""
    whole = int(count or 0)
    return f"{number(whole)} {one if whole == 1 else many or one + 's'}"
