"""What each DAG from QuickBooks to the LMS moves."""

from collections.abc import Mapping

from include.sync.inbound.invoice import INVOICE
from include.sync.inbound.payment import PAYMENT
from include.sync.inbound.rules import InboundFlow

INBOUND: Mapping[str, InboundFlow] = {
    "invoice_qbo_to_lms": InboundFlow(rules=INVOICE),
    "payment_qbo_to_lms": InboundFlow(rules=PAYMENT, after=("invoice",)),
}
