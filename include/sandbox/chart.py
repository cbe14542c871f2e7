"""What a new company has from the start: chart of accounts, preferences, terms, items (facts 9.2, 9.3, 9.8)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .entities import KINDS
from .schema import Body
from .work import Work

# (name, AccountType, AccountSubType)
ACCOUNTS = (
    ("Services", "Income", "ServiceFeeIncome"),
    ("Sales of Product Income", "Income", "SalesOfProductIncome"),
    ("Sales", "Income", "SalesOfProductIncome"),
    ("Discounts given", "Income", "DiscountsRefundsGiven"),
    ("Shipping Income", "Income", "OtherPrimaryIncome"),
    ("Refunds and Allowances", "Income", "SalesOfProductIncome"),
    ("Uncategorized Income", "Income", "ServiceFeeIncome"),
    ("Checking", "Bank", "Checking"),
    ("Savings", "Bank", "Savings"),
    ("Undeposited Funds", "Other Current Asset", "UndepositedFunds"),
    ("Inventory Asset", "Other Current Asset", "Inventory"),
    ("Prepaid Expenses", "Other Current Asset", "PrepaidExpenses"),
    ("Accounts Receivable (A/R)", "Accounts Receivable", "AccountsReceivable"),
    ("Accounts Payable (A/P)", "Accounts Payable", "AccountsPayable"),
    ("Furniture and Equipment", "Fixed Asset", "FurnitureAndFixtures"),
    ("Mastercard", "Credit Card", "CreditCard"),
    ("Sales Tax Payable", "Other Current Liability", "SalesTaxPayable"),
    ("Customer Deposits", "Other Current Liability", "OtherCurrentLiabilities"),
    ("Loan Payable", "Other Current Liability", "LoanPayable"),
    ("Notes Payable", "Long Term Liability", "NotesPayable"),
    ("Opening Balance Equity", "Equity", "OpeningBalanceEquity"),
    ("Retained Earnings", "Equity", "RetainedEarnings"),
    ("Cost of Goods Sold", "Cost of Goods Sold", "SuppliesMaterialsCogs"),
    ("Advertising", "Expense", "AdvertisingPromotional"),
    ("Bank Charges", "Expense", "BankCharges"),
    ("Office Expenses", "Expense", "OfficeGeneralAdministrativeExpenses"),
    ("Rent or Lease", "Expense", "RentOrLeaseOfBuildings"),
    ("Shipping and Delivery Expense", "Expense", "ShippingFreightDelivery"),
    ("Supplies", "Expense", "SuppliesMaterials"),
    ("Utilities", "Expense", "Utilities"),
    ("Interest Earned", "Other Income", "InterestEarned"),
    ("Miscellaneous", "Other Expense", "OtherMiscellaneousExpense"),
)
TERMS = (("Due on receipt", 0), ("Net 10", 10), ("Net 15", 15), ("Net 30", 30), ("Net 60", 60))
METHODS = (
    ("Cash", "NON_CREDIT_CARD"),
    ("Check", "NON_CREDIT_CARD"),
    ("Visa", "CREDIT_CARD"),
    ("MasterCard", "CREDIT_CARD"),
    ("American Express", "CREDIT_CARD"),
    ("ACH", "NON_CREDIT_CARD"),
)


def furnish(work: Work, name: str) -> None:
    """Fill a new company."""
    ids = {title: _create(work, "Account", Name=title, AccountType=kind, AccountSubType=subtype)
           for title, kind, subtype in ACCOUNTS}  # fmt: skip
    for title, days in TERMS:
        _create(work, "Term", Name=title, Type="STANDARD", DueDays=days)
    for title, kind in METHODS:
        _create(work, "PaymentMethod", Name=title, Type=kind)
    income = {"value": ids["Services"]}
    service = _create(work, "Item", Name="Services", Type="Service", IncomeAccountRef=income)
    _create(work, "Item", Name="Hours", Type="Service", IncomeAccountRef=income)
    _furnish_tax(work)
    work.save(KINDS["Preferences"], preferences(ids, service))
    work.save(KINDS["CompanyInfo"], company_info(work, name))


def _create(work: Work, kind: str, **fields: Any) -> str:
    return str(KINDS[kind].create(work, fields, {})["Id"])


def _furnish_tax(work: Work) -> None:
    agency = work.save(
        KINDS["TaxAgency"],
        {
            "DisplayName": "California Department of Tax and Fee Administration",
            "TaxTrackedOnSales": True,
            "TaxTrackedOnPurchases": False,
        },
    )
    _save_rate(work, agency["Id"], "California", Decimal("8.0"))
    for name, taxable in (("TAX", True), ("NON", False)):
        body: Body = {"Id": name, "Name": name, "Description": name, "Active": True, "Taxable": taxable}
        body |= {"TaxGroup": taxable, "Hidden": False, "MetaData": {"CreateTime": work.stamp}}
        work.save(KINDS["TaxCode"], body)


def _save_rate(work: Work, agency: str, name: str, percent: Decimal) -> None:
    rate = work.save(
        KINDS["TaxRate"],
        {
            "Name": name,
            "Description": "Sales Tax",
            "Active": True,
            "RateValue": percent,
            "AgencyRef": {"value": agency},
            "SpecialTaxType": "NONE",
            "DisplayType": "ReadOnly",
        },
    )
    detail = {"TaxRateRef": {"value": rate["Id"], "name": name}, "TaxTypeApplicable": "TaxOnAmount", "TaxOrder": 0}
    work.save(
        KINDS["TaxCode"],
        {
            "Name": name,
            "Description": name,
            "Active": True,
            "Hidden": False,
            "Taxable": True,
            "TaxGroup": True,
            "SalesTaxRateList": {"TaxRateDetail": [detail]},
            "PurchaseTaxRateList": {"TaxRateDetail": []},
        },
    )


def preferences(ids: dict[str, str], default_item: str) -> Body:
    """A company that uses discounts, shipping and its own transaction numbers, and applies nothing by itself."""
    return {
        "AccountingInfoPrefs": {
            "UseAccountNumbers": False,
            "TrackDepartments": False,
            "ClassTrackingPerTxn": False,
            "ClassTrackingPerTxnLine": False,
            "FirstMonthOfFiscalYear": "January",
            "TaxYearMonth": "January",
            "CustomerTerminology": "Customers",
        },
        "ProductAndServicesPrefs": {
            "ForSales": True,
            "ForPurchase": True,
            "QuantityWithPriceAndRate": True,
            "QuantityOnHand": True,
        },
        "SalesFormsPrefs": {
            "CustomField": [
                {
                    "CustomField": [
                        {"Name": f"SalesFormsPrefs.UseSalesCustom{n}", "Type": "BooleanType", "BooleanValue": False}
                        for n in (1, 2, 3)
                    ]
                }
            ],
            "CustomTxnNumbers": True,
            "AllowDeposit": True,
            "AllowDiscount": True,
            "DefaultDiscountAccount": ids["Discounts given"],
            "AllowEstimates": True,
            "EstimateMessage": "Thank you for your business!",
            "AllowServiceDate": False,
            "AllowShipping": True,
            "DefaultShippingAccount": ids["Shipping Income"],
            "AutoApplyCredit": False,
            "AutoApplyPayments": False,
            "UsingProgressInvoicing": False,
            "IPNSupportEnabled": False,
            "ETransactionEnabledStatus": "NotApplicable",
            "ETransactionAttachPDF": False,
            "ETransactionPaymentEnabled": False,
            "DefaultTerms": {"value": "4"},
            "DefaultItem": default_item,
            "DefaultCustomerMessage": "Thank you for your business and have a great day!",
        },
        "EmailMessagesPrefs": {
            "InvoiceMessage": {"Subject": "Invoice", "Message": "Your invoice is attached."},
            "EstimateMessage": {"Subject": "Estimate", "Message": "Please review the estimate below."},
            "SalesReceiptMessage": {"Subject": "Sales Receipt", "Message": "Your sales receipt is attached."},
            "StatementMessage": {"Subject": "Statement", "Message": "Your statement is attached."},
        },
        "VendorAndPurchasesPrefs": {"BillableExpenseTracking": True, "TrackingByCustomer": True, "POCustomField": []},
        "TimeTrackingPrefs": {"UseServices": True, "BillCustomers": True, "ShowBillRateToAll": False,
                              "WorkWeekStartDate": "Monday", "MarkTimeEntriesBillable": True},
        "TaxPrefs": {"UsingSalesTax": True, "PartnerTaxEnabled": False},
        "CurrencyPrefs": {"MultiCurrencyEnabled": False, "HomeCurrency": {"value": "USD"}},
        "ReportPrefs": {"ReportBasis": "Accrual", "CalcAgingReportFromTxnDate": False},
        "OtherPrefs": {
            "NameValue": [
                {"Name": "SalesFormsPrefs.DefaultCustomerMessage", "Value": "Thank you for your business!"},
                {"Name": "SalesFormsPrefs.AllowGratuity", "Value": "false"},
                {"Name": "DTXCopyMemo", "Value": "false"},
            ]
        },
    }  # fmt: skip


def company_info(work: Work, name: str) -> Body:
    """Fact 1.7."""
    address = {
        "Id": "1",
        "Line1": "2600 Marine Way",
        "City": "Mountain View",
        "Country": "USA",
        "CountrySubDivisionCode": "CA",
        "PostalCode": "94043",
    }
    return {
        "CompanyName": name,
        "LegalName": name,
        "CompanyAddr": address,
        "CustomerCommunicationAddr": address,
        "LegalAddr": address,
        "PrimaryPhone": {},
        "CompanyStartDate": work.stamp[:10],
        "FiscalYearStartMonth": "January",
        "Country": "US",
        "Email": {"Address": "books@example.com"},
        "WebAddr": {},
        "SupportedLanguages": "en",
        "DefaultTimeZone": "America/Los_Angeles",
        "NameValue": [
            {"Name": "NeoEnabled", "Value": "true"},
            {"Name": "IndustryType", "Value": "Medical and Diagnostic Laboratories"},
            {"Name": "CompanyType", "Value": "LLC"},
            {"Name": "SubscriptionStatus", "Value": "PAID"},
            {"Name": "OfferingSku", "Value": "QuickBooks Online Plus"},
            {"Name": "PayrollFeature", "Value": "false"},
            {"Name": "AccountantFeature", "Value": "false"},
            {"Name": "ItemCategoriesFeature", "Value": "true"},
            {"Name": "AssignTime", "Value": ""},
        ],
    }
