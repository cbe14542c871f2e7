"""The company check: which of the company's own settings get in the way of the sync. Pure rules; no database, no HTTP.

Each finding says what is set, what that means for the records, and what to change where (fact 9.8; traps 16, 17, 29,
38 and 40).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Literal

from include.company.accounts import SETTINGS, AccountSetting
from include.model.company import Account, CompanyInfo
from include.model.settings import CompanyPreferences, ConnectionSettings

Severity = Literal["problem", "warning", "note"]

_NO_ACTION = "No action needed."


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing about a company that the sync has to live with, or that somebody should change."""

    code: str
    #: Which of several: an account's setting and lab.
    subject: str = ""
    #: A note needs no action.
    severity: Severity
    message: str
    effect: str
    resolution: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CompanyFacts:
    """What the check judges."""

    info: CompanyInfo
    preferences: CompanyPreferences
    accounts: Sequence[Account]
    #: The settings of each connected lab, and the labs' names.
    settings: Sequence[ConnectionSettings]
    labs: Mapping[int, str]


def check(facts: CompanyFacts) -> list[Finding]:
    """Every finding, the gravest first."""
    found = [
        *_subscription(facts.info),
        *_books(facts),
        *_sales_forms(facts.preferences),
        *_shipping_account(facts),
        *_money(facts.preferences),
        *_accounts(facts),
    ]
    return sorted(found, key=lambda finding: ("problem", "warning", "note").index(finding.severity))


def warnings(preferences: CompanyPreferences) -> list[dict[str, str]]:
    """What in the preferences keeps records from syncing as they are in Pilot, for qbo_sync.company.warnings."""
    return [
        {"code": one.code, "message": f"{one.message} {one.effect}", "resolution": one.resolution}
        for one in _sales_forms(preferences)
    ]


def _subscription(info: CompanyInfo) -> Iterator[Finding]:
    status = info.subscription_status
    if status and status.upper() not in ("PAID", "TRIAL", "ACTIVE", "SUBSCRIBED"):
        yield Finding(
            code="subscription",
            severity="problem",
            message=f"The status of the QuickBooks subscription is “{status.lower()}”.",
            effect="The company is read-only, so QuickBooks rejects every new or changed record.",
            resolution="Renew the subscription in QuickBooks: Account and settings > Billing & subscription."
            " Records that failed are then retried automatically.",
        )


def _books(facts: CompanyFacts) -> Iterator[Finding]:
    closed = facts.preferences.book_close_date
    if closed is None:
        return
    message = f"The books are closed through {closed:%m/%d/%Y}."
    affected = [s for s in facts.settings if s.sync_start_date is None or s.sync_start_date <= closed]
    if not affected:
        effect = "The start date of every lab is later, so no record is affected."
        yield Finding(code="closing_date", severity="note", message=message, effect=effect, resolution=_NO_ACTION)
        return
    names = ", ".join(_lab(facts, settings) for settings in affected)
    yield Finding(
        code="closing_date",
        severity="warning",
        message=message,
        effect="Invoices, credits, and payments dated in the closed period are not sent, changed, or deleted in"
        " QuickBooks. Each one becomes an error and waits for a decision.",
        resolution=f"Set the start date of {names} to {closed + timedelta(days=1):%m/%d/%Y} or later, or move the"
        " closing date in QuickBooks: Account and settings > Advanced > Accounting.",
    )


def _sales_forms(preferences: CompanyPreferences) -> Iterator[Finding]:
    if not preferences.custom_transaction_numbers:
        yield Finding(
            code="custom_numbers_off",
            severity="warning",
            message="“Custom transaction numbers” is turned off in QuickBooks.",
            effect="QuickBooks assigns its own invoice numbers, so they differ from the numbers in Pilot.",
            resolution="Turn on “Custom transaction numbers” in QuickBooks: Account and settings > Sales > Sales form"
            " content. New invoices then keep their Pilot numbers.",
        )
    if preferences.auto_apply_credit:
        yield Finding(
            code="auto_apply_credit_on",
            severity="warning",
            message="“Automatically apply credits” is turned on in QuickBooks.",
            effect="QuickBooks applies each new credit by itself, possibly to a different invoice than Pilot did. The"
            " application from Pilot can then fail.",
            resolution="Turn off “Automatically apply credits” in QuickBooks: Account and settings > Advanced >"
            " Automation. New credits are then applied only as in Pilot.",
        )
    if preferences.auto_apply_payments:
        yield Finding(
            code="auto_apply_payments_on",
            severity="warning",
            message="QuickBooks is set to apply payments automatically.",
            effect="QuickBooks may apply a customer’s unapplied payment to the next invoice. The invoice balance then"
            " differs from Pilot until that payment has synced.",
            resolution="Turn off automatic payments in QuickBooks: Account and settings > Advanced > Automation. New"
            " payments are then applied only as entered.",
        )
    boxes = (("Shipping", preferences.allow_shipping), ("Discount", preferences.allow_discount))
    for box, allowed in boxes:
        if not allowed:
            yield Finding(
                code=f"{box.lower()}_box_off",
                severity="problem",
                message=f"The {box} box is turned off on QuickBooks sales forms.",
                effect=f"QuickBooks may reject invoices with a {box.lower()} amount, or save them without it, so that"
                " the totals differ.",
                resolution=f"Turn on “{box}” in QuickBooks: Account and settings > Sales > Sales form content. Then"
                " retry the invoices that failed.",
            )


def _shipping_account(facts: CompanyFacts) -> Iterator[Finding]:
    names = {account.account_id: account.name for account in facts.accounts}
    used = facts.preferences.shipping_account_id
    for settings in facts.settings:
        chosen = settings.shipping_account_id
        if chosen and used and chosen != used:
            lab = _lab(facts, settings)
            name = names.get(used, used)
            yield Finding(
                code="shipping_account_differs",
                subject=str(settings.billing_lab_id),
                severity="warning",
                message=f"QuickBooks posts shipping to “{name}”, but the shipping account of {lab} is"
                f" “{names.get(chosen, chosen)}”.",
                effect=f"Shipping on invoices from {lab} posts to “{name}”, because QuickBooks decides.",
                resolution="Change the account in QuickBooks (Account and settings > Sales > Sales form content >"
                f" Shipping), or choose “{name}” in the settings of {lab} here.",
            )


def _money(preferences: CompanyPreferences) -> Iterator[Finding]:
    if preferences.automated_sales_tax:
        yield Finding(
            code="automated_sales_tax",
            severity="warning",
            message="Automated sales tax is turned on in QuickBooks.",
            effect="Tax from Pilot is sent as a “Tax” line that is not itself taxable, so QuickBooks’ sales tax reports"
            " do not include it. QuickBooks may add its own tax to invoices that are created in QuickBooks.",
            resolution="Ask your accountant whether dental work is taxable in your state. If it is not, mark the"
            " customers as tax exempt in QuickBooks, so that QuickBooks adds no tax.",
        )
    elif preferences.sales_tax:
        yield Finding(
            code="sales_tax",
            severity="note",
            message="Sales tax is set up manually in QuickBooks.",
            effect="Tax from Pilot is sent as a “Tax” line, and QuickBooks adds no tax to invoices from Pilot.",
            resolution=_NO_ACTION,
        )
    if preferences.multi_currency:
        home = preferences.home_currency or "the home currency"
        yield Finding(
            code="multi_currency",
            severity="warning",
            message="Multicurrency is turned on in QuickBooks.",
            effect=f"Pilot works in {home} only. Records of customers in another currency do not sync; each one becomes"
            " an error.",
            resolution=f"Keep this company’s Pilot customers in {home}. QuickBooks cannot change a customer’s currency,"
            f" so for a customer in another currency, create a new one in {home}.",
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
            code, what = fault
            lab = _lab(facts, settings)
            name = account.name if account else account_id
            reactivate = f", or make “{name}” active again in QuickBooks (Chart of accounts)"
            yield Finding(
                code=code,
                subject=f"{settings.billing_lab_id}/{setting.name}",
                severity="problem",
                message=f"{setting.label} of {lab}: “{name}” {what}.",
                effect=f"{setting.purpose} Until this is fixed, QuickBooks rejects records that use it.",
                resolution=f"Choose another account under “{setting.label}” in the settings of {lab} here"
                f"{reactivate if code == 'account_inactive' else ''}. Then retry the records that failed.",
            )


def _fault_of(setting: AccountSetting, account: Account | None) -> tuple[str, str] | None:
    if account is None:
        return "account_missing", "is not in QuickBooks’ chart of accounts"
    if not account.active:
        return "account_inactive", "is inactive in QuickBooks"
    if not setting.fits(account):
        return "account_type", f"has the type “{account.type}”, which QuickBooks does not accept here"
    return None


def _lab(facts: CompanyFacts, settings: ConnectionSettings) -> str:
    return facts.labs.get(settings.billing_lab_id, f"lab {settings.billing_lab_id}")
