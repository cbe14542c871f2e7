"""The entities. Whoever imports from here has the whole registry; the entities themselves import `registry`."""

from __future__ import annotations

from .account import Account
from .credit_memo import CreditMemo
from .customer import Customer
from .deposit import Deposit
from .employee import Employee
from .generic import Class, Department, PaymentMethod, TaxAgency, TaxCode, TaxRate, Term
from .invoice import Invoice
from .item import Item
from .ledger import Attachable, Bill, JournalEntry
from .payment import Payment
from .preferences import CompanyInfo, Preferences
from .receipts import Estimate, RefundReceipt, SalesReceipt
from .registry import KINDS, columns_of, find, register
from .vendor import Vendor

__all__ = ["KINDS", "columns_of", "find"]

register(
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
