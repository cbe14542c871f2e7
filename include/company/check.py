"""The company check: which of the company's own settings get in the way of the sync. Pure rules; no database, no HTTP.

Each finding says what is so, what it means for the sync, and what to change in QuickBooks (dossier 9.8 and traps
16, 17, 29, 38, 40).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Literal

from include.company.accounts import SETTINGS, Account, AccountSetting
from include.model.settings import ConnectionSettings

Json = Mapping[str, Any]
Severity = Literal["problem", "warning", "note"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing about a company that the sync has to live with, or that somebody should change."""

    code: str
    #: Which of several: an account's setting and lab.
    subject: str = ""
    severity: Severity
    message: str
    effect: str
    resolution: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CompanyFacts:
    """What the check looks at."""

    info: Json
    preferences: Json
    accounts: Sequence[Account]
    #: The settings of each connected lab, and the labs' names.
    settings: Sequence[ConnectionSettings]
    labs: Mapping[int, str]
    today: date


def check(facts: CompanyFacts) -> list[Finding]:
    """Every finding, the gravest first."""
    found = [*_subscription(facts), *_books(facts), *_sales_forms(facts), *_money(facts), *_accounts(facts)]
    return sorted(found, key=lambda finding: ("problem", "warning", "note").index(finding.severity))


def _subscription(facts: CompanyFacts) -> Iterator[Finding]:
    status = name_value(facts.info, "SubscriptionStatus")
    if status and status.upper() not in ("PAID", "TRIAL", "ACTIVE", "SUBSCRIBED"):
        yield Finding(
            code="subscription",
            severity="problem",
            message=f"The QuickBooks subscription is {status.lower()}.",
            effect="QuickBooks refuses every new or changed record while the company is read-only.",
            resolution="Renew the subscription in QuickBooks: Account and settings > Billing & subscription.",
        )


def _books(facts: CompanyFacts) -> Iterator[Finding]:
    closed_until = facts.preferences.get("AccountingInfoPrefs", {}).get("BookCloseDate")
    if not closed_until:
        return
    closed = date.fromisoformat(closed_until)
    reaching_in = [s for s in facts.settings if s.sync_start_date is None or s.sync_start_date <= closed]
    names = _names(facts, reaching_in)
    yield Finding(
        code="closing_date",
        severity="warning" if reaching_in else "note",
        message=f"The books are closed until {closed:%m/%d/%Y}.",
        effect="Invoices, credits and payments dated on or before that day are refused by QuickBooks and become errors."
        if reaching_in
        else "Every lab starts syncing after that day, so nothing is refused because of it.",
        resolution=f"Set the start date of {names} to a later day, or move the closing date in QuickBooks:"
        " Account and settings > Advanced > Accounting."
        if reaching_in
        else "Nothing to do.",
    )


def _sales_forms(facts: CompanyFacts) -> Iterator[Finding]:
    sales = facts.preferences.get("SalesFormsPrefs", {})
    if sales.get("CustomTxnNumbers") is False:
        yield Finding(
            code="custom_numbers_off",
            severity="warning",
            message="“Custom transaction numbers” is off.",
            effect="QuickBooks numbers invoices itself: they do not carry Pilot’s invoice numbers.",
            resolution="Turn on “Custom transaction numbers” in QuickBooks: Account and settings > Sales > Sales form"
            " content.",
        )
    if sales.get("AutoApplyCredit") is True:
        yield Finding(
            code="auto_apply_credit_on",
            severity="warning",
            message="“Automatically apply credits” is on.",
            effect="QuickBooks applies a new credit by itself, perhaps to other invoices than Pilot did; applying it"
            " as Pilot says can then be refused.",
            resolution="Turn off “Automatically apply credits” in QuickBooks: Account and settings > Advanced >"
            " Automation.",
        )
    if sales.get("AutoApplyPayments") is True:
        yield Finding(
            code="auto_apply_payments_on",
            severity="warning",
            message="QuickBooks applies payments by itself.",
            effect="QuickBooks may attach a customer’s unapplied payment to the next invoice; the invoice’s balance"
            " then differs from Pilot until that payment has synced.",
            resolution="Turn it off in QuickBooks: Account and settings > Advanced > Automation.",
        )
    for preference, box in (("AllowShipping", "Shipping"), ("AllowDiscount", "Discount")):
        if sales.get(preference) is False:
            yield Finding(
                code=f"{box.lower()}_box_off",
                severity="problem",
                message=f"The {box.lower()} box of sales forms is off.",
                effect=f"Invoices with {box.lower()} may be refused, or booked without it so that the totals differ.",
                resolution=f"Turn on “{box}” in QuickBooks: Account and settings > Sales > Sales form content.",
            )
    yield from _shipping_account(facts, str(sales.get("DefaultShippingAccount") or ""))


def _shipping_account(facts: CompanyFacts, used: str) -> Iterator[Finding]:
    names = {account.account_id: account.name for account in facts.accounts}
    for settings in facts.settings:
        wanted = settings.shipping_account_id
        if wanted and used and wanted != used:
            lab = facts.labs.get(settings.billing_lab_id, "")
            yield Finding(
                code="shipping_account_differs",
                subject=str(settings.billing_lab_id),
                severity="warning",
                message=f"QuickBooks books shipping to “{names.get(used, used)}”, {lab} wants"
                f" “{names.get(wanted, wanted)}”.",
                effect="Shipping of invoices is booked where QuickBooks says.",
                resolution="Choose the account in QuickBooks: Account and settings > Sales > Sales form content >"
                " Shipping; or choose the same one in the lab’s settings here.",
            )


def _money(facts: CompanyFacts) -> Iterator[Finding]:
    tax = facts.preferences.get("TaxPrefs", {})
    if tax.get("PartnerTaxEnabled") is True:
        yield Finding(
            code="automated_sales_tax",
            severity="warning",
            message="Automated sales tax is on.",
            effect="Pilot’s tax travels as a line “Tax” that is not taxable itself, so it is missing from QuickBooks’"
            " sales tax reports; QuickBooks may compute tax of its own on invoices made there.",
            resolution="Ask your accountant whether dental work is taxed in your state. Where it is not, set the"
            " customers to tax exempt in QuickBooks.",
        )
    elif tax.get("UsingSalesTax") is True:
        yield Finding(
            code="sales_tax",
            severity="note",
            message="Sales tax is set up by hand in QuickBooks.",
            effect="Pilot’s tax travels as a line “Tax”; QuickBooks computes none on Pilot’s invoices.",
            resolution="Nothing to do.",
        )
    currency = facts.preferences.get("CurrencyPrefs", {})
    if currency.get("MultiCurrencyEnabled") is True:
        home = currency.get("HomeCurrency", {}).get("value", "the home currency")
        yield Finding(
            code="multi_currency",
            severity="warning",
            message="Several currencies are in use.",
            effect=f"Pilot knows only amounts in {home}: records of customers in another currency are refused.",
            resolution=f"Keep the customers of this lab in {home}. (QuickBooks cannot turn multi-currency off again.)",
        )


def _accounts(facts: CompanyFacts) -> Iterator[Finding]:
    by_id = {account.account_id: account for account in facts.accounts}
    for settings in facts.settings:
        chosen = asdict(settings)
        for setting in SETTINGS:
            account_id = chosen[setting.name]
            if account_id is None:
                continue
            account = by_id.get(account_id)
            fault = _fault_of(setting, account)
            if fault is None:
                continue
            lab = facts.labs.get(settings.billing_lab_id, f"lab {settings.billing_lab_id}")
            code, what = fault
            yield Finding(
                code=code,
                subject=f"{settings.billing_lab_id}/{setting.name}",
                severity="problem",
                message=f"{setting.label} of {lab}: “{account.name if account else account_id}” {what}.",
                effect=f"{setting.purpose} QuickBooks refuses what needs it.",
                resolution=f"Choose another {setting.label.lower()} in the lab’s settings here"
                + (
                    ", or make it active again in QuickBooks: Chart of accounts." if code == "account_inactive" else "."
                ),
            )


def _fault_of(setting: AccountSetting, account: Account | None) -> tuple[str, str] | None:
    if account is None:
        return "account_missing", "does not exist in QuickBooks"
    if not account.active:
        return "account_inactive", "was made inactive in QuickBooks"
    if not setting.fits(account):
        return "account_type", f"has the type “{account.type}”, which QuickBooks does not accept here"
    return None


def _names(facts: CompanyFacts, settings: Sequence[ConnectionSettings]) -> str:
    return ", ".join(facts.labs.get(one.billing_lab_id, str(one.billing_lab_id)) for one in settings)


def name_value(info: Json, name: str) -> str | None:
    """One of CompanyInfo's name–value pairs."""
    for pair in info.get("NameValue", []):
        if pair.get("Name") == name:
            return str(pair.get("Value", ""))
    return None
