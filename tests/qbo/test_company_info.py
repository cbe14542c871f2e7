"""CompanyInfo as QuickBooks sends it → what the company check reads (fact 1.7)."""

from typing import Any

import pytest

from include.model.company import CompanyInfo
from include.qbo.company_info import parse_company_info

WHOLE = {
    "Id": "1",
    "SyncToken": "4",
    "CompanyName": "Northside Dental Holding",
    "LegalName": "Northside Dental Holding LLC",
    "CompanyAddr": {"Line1": "123 Sierra Way", "City": "San Pablo", "Country": "USA"},
    "Country": "US",
    "FiscalYearStartMonth": "January",
    "NameValue": [
        {"Name": "NeoEnabled", "Value": "true"},
        {"Name": "SubscriptionStatus", "Value": "PAID"},
        {"Name": "OfferingSku", "Value": "QuickBooks Online Plus"},
    ],
}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            WHOLE,
            CompanyInfo(
                name="Northside Dental Holding",
                country="US",
                plan="QuickBooks Online Plus",
                subscription_status="PAID",
            ),
            id="everything said",
        ),
        pytest.param({}, CompanyInfo(), id="nothing said"),
        pytest.param(
            {"CompanyName": "", "Country": None, "NameValue": [{"Name": "OfferingSku"}, {"Value": "lost"}]},
            CompanyInfo(),
            id="empty",
        ),
    ],
)
def test_company_info(body: dict[str, Any], expected: CompanyInfo) -> None:
    assert parse_company_info(body) == expected
