"""A company's Preferences as QuickBooks' JSON (fact 9.8)."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from include.model.settings import CompanyPreferences


def parse_preferences(body: Mapping[str, Any]) -> CompanyPreferences:
    """The settings that matter to the sync; where QuickBooks says nothing, what has no effect on it.

    Raises ValueError for a closing date that is not YYYY-MM-DD.
    """
    sales = body.get("SalesFormsPrefs", {})
    tax = body.get("TaxPrefs", {})
    currency = body.get("CurrencyPrefs", {})
    closed = body.get("AccountingInfoPrefs", {}).get("BookCloseDate")
    return CompanyPreferences(
        custom_transaction_numbers=bool(sales.get("CustomTxnNumbers", True)),
        allow_discount=bool(sales.get("AllowDiscount", True)),
        allow_shipping=bool(sales.get("AllowShipping", True)),
        shipping_account_id=str(sales.get("DefaultShippingAccount") or "") or None,
        auto_apply_credit=bool(sales.get("AutoApplyCredit", False)),
        auto_apply_payments=bool(sales.get("AutoApplyPayments", False)),
        sales_tax=bool(tax.get("UsingSalesTax", False)),
        automated_sales_tax=bool(tax.get("PartnerTaxEnabled", False)),
        book_close_date=date.fromisoformat(closed) if closed else None,
        home_currency=currency.get("HomeCurrency", {}).get("value"),
        multi_currency=bool(currency.get("MultiCurrencyEnabled", False)),
    )
