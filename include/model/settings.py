"""What a billing lab has chosen for its QuickBooks company."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectionSettings:
    """One row of qbo_sync.connection. Account ids are QuickBooks'."""

    billing_lab_id: int
    realm_id: str
    direction: str
    sync_invoices: bool
    sync_credits: bool
    sync_payments: bool
    income_account_id: str
    deposit_account_id: str
    receivable_account_id: str | None
    discount_account_id: str | None
    shipping_account_id: str | None
    tax_account_id: str | None
    credit_account_id: str | None
    sync_start_date: date | None
    receives_qbo_transactions: bool
    #: Until when invoices of the LMS wait before they go out: 'none', 'days' or 'month_end'.
    hold_invoices: str
    #: 'days': so many after their invoice date.
    hold_days: int
    #: Somebody has started the lab's sync. Until then its changes are marked, and only a preview looks at them.
    started: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class CompanyPreferences:
    """The company settings that change what may be sent (fact 9.8)."""

    #: The lab's own invoice numbers are kept; off: QuickBooks numbers invoices itself.
    custom_transaction_numbers: bool = True
    allow_discount: bool = True
    allow_shipping: bool = True
    #: The account that QuickBooks itself posts shipping to.
    shipping_account_id: str | None = None
    auto_apply_credit: bool = False
    auto_apply_payments: bool = False
    #: Sales tax is set up, by hand or automated.
    sales_tax: bool = False
    #: QuickBooks computes sales tax itself.
    automated_sales_tax: bool = False
    #: The books are closed up to this day, the day included.
    book_close_date: date | None = None
    #: The only currency that Pilot's amounts can be in.
    home_currency: str | None = None
    #: Customers may have other currencies than that one.
    multi_currency: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class LabSettings:
    """All settings that a plan depends on: the lab's own, and its company's."""

    connection: ConnectionSettings
    preferences: CompanyPreferences
    #: The lab that gets what is created in QuickBooks; None: nobody chose one.
    receiving_lab: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MassDeleteLimit:
    """How many of a lab's linked records of one kind a run may delete or void without being asked (rule 8.9)."""

    #: A share of the linked ones, 0 to 1, …
    share: Decimal = Decimal("0.10")
    #: … and fewer than this many are never held.
    minimum: int = 20

    def allows(self, count: int, linked: int) -> bool:
        """Whether so many of so many linked ones may go."""
        return count < self.minimum or count <= self.share * linked
