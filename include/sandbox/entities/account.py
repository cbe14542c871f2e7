"""Account (fact 9.3)."""

from __future__ import annotations

from .. import faults
from ..money import ZERO
from ..schema import COMMON, Body, Shape, boolean, name_text, number, one_of, ref, text
from ..store import Column
from ..work import Work, reference
from .kind import Kind, Options

CLASSIFICATIONS = {
    "Bank": "Asset",
    "Accounts Receivable": "Asset",
    "Other Current Asset": "Asset",
    "Fixed Asset": "Asset",
    "Other Asset": "Asset",
    "Accounts Payable": "Liability",
    "Credit Card": "Liability",
    "Other Current Liability": "Liability",
    "Long Term Liability": "Liability",
    "Equity": "Equity",
    "Income": "Revenue",
    "Other Income": "Revenue",
    "Cost of Goods Sold": "Expense",
    "Expense": "Expense",
    "Other Expense": "Expense",
}
SUBTYPES = {
    "Bank": "Checking",
    "Accounts Receivable": "AccountsReceivable",
    "Other Current Asset": "OtherCurrentAssets",
    "Fixed Asset": "OtherFixedAssets",
    "Other Asset": "OtherLongTermAssets",
    "Accounts Payable": "AccountsPayable",
    "Credit Card": "CreditCard",
    "Other Current Liability": "OtherCurrentLiabilities",
    "Long Term Liability": "OtherLongTermLiabilities",
    "Equity": "OpeningBalanceEquity",
    "Income": "SalesOfProductIncome",
    "Other Income": "OtherMiscellaneousIncome",
    "Cost of Goods Sold": "SuppliesMaterialsCogs",
    "Expense": "OtherMiscellaneousServiceCost",
    "Other Expense": "OtherMiscellaneousExpense",
}
TYPE_OF_SUBTYPE = {subtype: kind for kind, subtype in SUBTYPES.items()} | {
    "UndepositedFunds": "Other Current Asset",
    "Inventory": "Other Current Asset",
    "Savings": "Bank",
    "CashOnHand": "Bank",
    "SalesTaxPayable": "Other Current Liability",
    "GlobalTaxPayable": "Other Current Liability",
    "ServiceFeeIncome": "Income",
    "OtherPrimaryIncome": "Income",
    "DiscountsRefundsGiven": "Income",
    "NonProfitIncome": "Income",
    "RetainedEarnings": "Equity",
    "OfficeGeneralAdministrativeExpenses": "Expense",
}


class Account(Kind):
    """An account of the chart."""

    name = "Account"
    family = "Account"
    shape = Shape(
        "Account",
        COMMON
        | {
            "Name": name_text(100),
            "SubAccount": boolean,
            "ParentRef": ref,
            "Description": text(4000),
            "FullyQualifiedName": None,
            "AccountAlias": text(100),
            "TxnLocationType": text(50),
            "Active": boolean,
            "Classification": None,
            "AccountType": one_of(*CLASSIFICATIONS),
            "AccountSubType": text(80),
            "AcctNum": text(7),
            "OpeningBalance": number,
            "CurrentBalance": None,
            "CurrentBalanceWithSubAccounts": None,
            "CurrencyRef": ref,
            "TaxCodeRef": ref,
            "TaxAccount": boolean,
            "OnlineBankingEnabled": boolean,
            "FIName": text(100),
            "BankNum": text(100),
        },
    )
    columns = (
        Column("Name", indexed=True),
        Column("AccountType"),
        Column("AccountSubType"),
        Column("Classification"),
        Column("Active", "bool"),
        Column("CurrentBalance", "number"),
        Column("FullyQualifiedName", indexed=True),
        Column("AcctNum", filterable=False, sortable=False),
        Column("ParentRef", "ref", filterable=False, sortable=False, indexed=True),
    )

    def finish(self, work: Work, old: Body | None, new: Body, options: Options) -> Body:
        if not new.get("Name"):
            raise faults.missing("Name")
        if '"' in new["Name"]:
            raise faults.bad_characters("Name")
        self._settle_type(new)
        parent = reference(work, old, new, "ParentRef", "Account", "Accounts", "accounts", "Name")
        new["SubAccount"] = parent is not None
        new["FullyQualifiedName"] = f"{parent['FullyQualifiedName']}:{new['Name']}" if parent else new["Name"]
        new.setdefault("Active", True)
        for other in work.company.table(self.name).named("FullyQualifiedName", new["FullyQualifiedName"]):
            if other.id != (old or {}).get("Id"):
                raise faults.duplicate_name(other.id).with_detail(
                    "The name supplied already exists. : Another account is already using this name. "
                    f"Please use a different name. Id={other.id}"
                )
        new["CurrentBalance"] = new["CurrentBalanceWithSubAccounts"] = ZERO
        new.setdefault("CurrencyRef", {"value": "USD", "name": "United States Dollar"})
        return new

    @staticmethod
    def _settle_type(new: Body) -> None:
        kind, subtype = new.get("AccountType"), new.get("AccountSubType")
        if not kind and not subtype:
            raise faults.named("6010", "Account type or subtype needed", "Supply AccountType or AccountSubType.")
        if not kind:
            kind = TYPE_OF_SUBTYPE.get(str(subtype))
            if kind is None:
                raise faults.bad_enumeration("AccountSubType", subtype)
        elif subtype and TYPE_OF_SUBTYPE.get(subtype, kind) != kind:
            raise faults.named("6430", "Invalid account type used", f"{subtype} is no subtype of {kind}.")
        new["AccountType"] = kind
        new["AccountSubType"] = subtype or SUBTYPES[kind]
        new["Classification"] = CLASSIFICATIONS[kind]
