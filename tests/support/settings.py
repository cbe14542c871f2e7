"""A lab's settings as they are for most labs."""

from datetime import date

from include.model.settings import ConnectionSettings

LAB = ConnectionSettings(
    billing_lab_id=1,
    realm_id="9",
    direction="both",
    sync_invoices=True,
    sync_credits=True,
    sync_payments=True,
    income_account_id="2",
    deposit_account_id="10",
    receivable_account_id=None,
    discount_account_id=None,
    shipping_account_id=None,
    tax_account_id=None,
    credit_account_id=None,
    sync_start_date=date(2026, 4, 1),
    receives_qbo_transactions=True,
    hold_invoices="none",
    hold_days=0,
)
