"""What the QuickBooks client raises. The family says who must act."""

from include.qbo.faults import Fault


class QboError(Exception):
    """Base of all errors of the QuickBooks client."""


class Unavailable(QboError):
    """QuickBooks could not be reached or kept failing; nothing to do but to try later."""


class OutcomeUnknown(QboError):
    """A write went out and no answer came back: it may or may not have happened."""


class ThrottleExceeded(QboError):
    """QuickBooks keeps answering 429 although we waited: the month's quota may be spent."""


class ReconnectRequired(QboError):
    """The grant is gone; somebody must connect the company again."""


class NotConnected(ReconnectRequired, LookupError):
    """No billing lab is connected to the company (any more), because somebody wanted it so."""


class WrongKey(QboError):
    """This process cannot read the stored grant, which is as good as ever; somebody must give it the key."""


class RequestRefused(QboError):
    """QuickBooks refused a whole request (not a single record of it)."""

    def __init__(self, fault: Fault) -> None:
        """Keep the fault beside the words."""
        super().__init__(f"QuickBooks refused: {fault.message} {fault.detail} (code {fault.code})".strip())
        self.fault = fault
