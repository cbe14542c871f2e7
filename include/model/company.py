"""What a QuickBooks company says about itself, and its chart of accounts."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class CompanyInfo:
    """The company's own data (fact 1.7); None where QuickBooks says nothing."""

    name: str | None = None
    country: str | None = None
    #: The plan as Intuit sells it: “QuickBooks Online Plus”.
    plan: str | None = None
    #: In Intuit's words: PAID, TRIAL, EXPIRED …
    subscription_status: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """One account of the chart of accounts (fact 9.3)."""

    account_id: str
    #: With the names of the accounts above it: “Income:Sales”.
    name: str
    #: In QuickBooks' words: Income, Bank, Other Current Asset …
    type: str
    subtype: str
    active: bool
