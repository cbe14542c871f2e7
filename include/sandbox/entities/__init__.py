"""The entities, found by name in any letter case (dossier 2.1)."""

from __future__ import annotations

from ..store import Column
from .account import Account
from .credit_memo import CreditMemo
from .customer import Customer
from .deposit import Deposit
from .employee import Employee
from .generic import Class, Department, PaymentMethod, TaxAgency, TaxCode, TaxRate, Term
from .invoice import Invoice
from .item import Item
from .kind import Kind
from .ledger import Attachable, Bill, JournalEntry
from .payment import Payment
from .preferences import CompanyInfo, Preferences
from .receipts import Estimate, RefundReceipt, SalesReceipt
from .vendor import Vendor

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        CompanyInfo(),
        Preferences(),
        Account(),
        Customer(),
        Vendor(),
        Employee(),
        Item(),
        Term(),
        PaymentMethod(),
        Department(),
        Class(),
        TaxAgency(),
        TaxRate(),
        TaxCode(),
        Invoice(),
        CreditMemo(),
        Payment(),
        SalesReceipt(),
        RefundReceipt(),
        Estimate(),
        Deposit(),
        JournalEntry(),
        Bill(),
        Attachable(),
    )
}
_BY_PATH = {name.lower(): kind for name, kind in KINDS.items()}


def find(name: str) -> Kind | None:
    """The entity of this name, in any letter case."""
    return _BY_PATH.get(name.lower())


def columns_of(name: str) -> tuple[Column, ...]:
    """What queries may name of an entity."""
    return KINDS[name].columns
