"""Preferences as QuickBooks sends them → what the sync makes of them (fact 9.8)."""

from datetime import date
from typing import Any

import pytest

from include.model.settings import CompanyPreferences
from include.qbo.preferences import parse_preferences

#: A US company as Intuit's own sample data have it, with books closed and every switch set against its default.
WHOLE = {
    "Id": "1",
    "SyncToken": "7",
    "AccountingInfoPrefs": {
        "UseAccountNumbers": False,
        "FirstMonthOfFiscalYear": "January",
        "CustomerTerminology": "Customers",
        "BookCloseDate": "2026-03-31",
    },
    "SalesFormsPrefs": {
        "CustomTxnNumbers": False,
        "AllowDeposit": False,
        "AllowDiscount": False,
        "DefaultDiscountAccount": "86",
        "AllowShipping": False,
        "DefaultShippingAccount": "82",
        "AutoApplyCredit": True,
        "AutoApplyPayments": True,
        "DefaultTerms": {"value": "3"},
    },
    "TaxPrefs": {"UsingSalesTax": True, "PartnerTaxEnabled": True},
    "CurrencyPrefs": {"MultiCurrencyEnabled": True, "HomeCurrency": {"value": "USD"}},
    "OtherPrefs": {"NameValue": [{"Name": "SalesFormsPrefs.DefaultCustomerMessage", "Value": "Thank you!"}]},
}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            WHOLE,
            CompanyPreferences(
                custom_transaction_numbers=False,
                allow_discount=False,
                allow_shipping=False,
                shipping_account_id="82",
                auto_apply_credit=True,
                auto_apply_payments=True,
                sales_tax=True,
                automated_sales_tax=True,
                book_close_date=date(2026, 3, 31),
                home_currency="USD",
                multi_currency=True,
            ),
            id="everything said",
        ),
        pytest.param({}, CompanyPreferences(), id="nothing said"),
        pytest.param(
            {name: {} for name in ("AccountingInfoPrefs", "SalesFormsPrefs", "TaxPrefs", "CurrencyPrefs")},
            CompanyPreferences(),
            id="empty groups",
        ),
        pytest.param(
            {
                "AccountingInfoPrefs": {"BookCloseDate": ""},
                "SalesFormsPrefs": {"CustomTxnNumbers": True, "DefaultShippingAccount": None, "AutoApplyCredit": False},
                "TaxPrefs": {"UsingSalesTax": True, "PartnerTaxEnabled": False},
                "CurrencyPrefs": {"MultiCurrencyEnabled": False, "HomeCurrency": {"value": "CAD"}},
            },
            CompanyPreferences(sales_tax=True, home_currency="CAD"),
            id="open books, no shipping account, sales tax by hand",
        ),
    ],
)
def test_preferences(body: dict[str, Any], expected: CompanyPreferences) -> None:
    assert parse_preferences(body) == expected


def test_a_closing_date_that_is_no_date_is_not_taken_for_open_books() -> None:
    with pytest.raises(ValueError, match="isoformat"):
        parse_preferences({"AccountingInfoPrefs": {"BookCloseDate": "03/31/2026"}})
