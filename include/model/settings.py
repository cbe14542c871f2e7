"""What a billing lab has chosen for its QuickBooks company."""

from dataclasses import dataclass
from datetime import date


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

    def lets_flow(self, direction: str, entity: str) -> bool:
        """Whether transactions of this kind flow that way (sync rules, section 1; the view due_mark says the same)."""
        switched_on = {"invoice": self.sync_invoices, "payment": self.sync_payments}.get(entity, self.sync_credits)
        return switched_on and self.direction in (direction, "both")


@dataclass(frozen=True, kw_only=True, slots=True)
class CompanyPreferences:
    """The company settings that change what may be sent (dossier 9.8)."""

    #: The lab's own invoice numbers are kept; off: QuickBooks numbers invoices itself.
    custom_transaction_numbers: bool = True
    allow_discount: bool = True
    allow_shipping: bool = True
    auto_apply_credit: bool = False
    book_close_date: date | None = None
    #: The only currency that Pilot's amounts can be in.
    home_currency: str | None = None
    #: Customers may have other currencies than that one.
    multi_currency: bool = False
