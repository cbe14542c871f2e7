"""What of an invoice both sides keep in step, in a form that compares."""

from typing import Any

from include.model.invoice import Invoice


def agreed(invoice: Invoice, origin: str) -> tuple[Any, ...]:
    """The amounts, and the lines of an invoice that was written in QuickBooks."""
    amounts = (invoice.total, invoice.discount, invoice.shipping, invoice.tax)
    return (*amounts, invoice.lines if origin == "qbo" else None)


def agreed_base(base: Invoice | None, lms: Any, qbo: Any, origin: str) -> Any:
    """What was agreed on last."""
    if base is None:
        # Linked by hand: nothing was agreed on yet, and QuickBooks' version counts.
        return lms or qbo
    if base.computed_total != base.total and qbo is not None and qbo[0] == base.total:
        # QuickBooks made another total of it when it was created (`total_mismatch`), and has not changed it since.
        return qbo
    return agreed(base, origin)
