"""The published python-quickbooks client, unpatched but for the base URL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from intuitlib.client import AuthClient
from quickbooks import QuickBooks
from quickbooks.batch import batch_create, batch_delete, batch_update
from quickbooks.cdc import change_data_capture
from quickbooks.exceptions import ObjectNotFoundException, QuickbooksException, ValidationException
from quickbooks.objects import (
    Account,
    Attachable,
    Bill,
    CompanyInfo,
    CreditMemo,
    Customer,
    Department,
    Deposit,
    Employee,
    Estimate,
    Invoice,
    Item,
    JournalEntry,
    Payment,
    PaymentMethod,
    Preferences,
    RefundReceipt,
    SalesReceipt,
    TaxAgency,
    TaxCode,
    TaxRate,
    Term,
    Vendor,
)
from quickbooks.objects.base import AttachableRef, Ref
from quickbooks.objects.detailline import SalesItemLine, SalesItemLineDetail
from quickbooks.objects.trackingclass import Class

from tests.support.sandbox.harness import Sandbox


@pytest.fixture
def client(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A connected client: the refresh goes through the discovery document."""
    realm = sandbox.company("python-quickbooks")
    auth = AuthClient(
        "sandbox-client",
        "sandbox-secret",
        "http://localhost/callback",
        f"{sandbox.url}/.well-known/openid_sandbox_configuration/",
    )
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # oauthlib's own leave to speak http
    monkeypatch.setattr(QuickBooks, "api_url_v3", f"{sandbox.url}/v3")
    yield QuickBooks(
        auth_client=auth,
        refresh_token=sandbox.grant(realm)["refresh_token"],
        company_id=realm,
        minorversion=75,
        use_decimal=True,
    )


def ref(entity: Any) -> Any:
    made = Ref()
    made.value = entity.Id
    return made


def a_customer(client: Any, name: str) -> Any:
    customer = Customer()
    customer.DisplayName = name
    return customer.save(qb=client)


def sales_line(amount: Any, item: str = "1") -> Any:
    line = SalesItemLine()
    line.Amount = amount
    line.SalesItemLineDetail = SalesItemLineDetail()
    line.SalesItemLineDetail.ItemRef = Ref()
    line.SalesItemLineDetail.ItemRef.value = item
    return line


def an_invoice(client: Any, customer: Any, amount: Any = 100, kind: Any = Invoice) -> Any:
    form = kind()
    form.CustomerRef = ref(customer)
    form.Line.append(sales_line(amount))
    return form.save(qb=client)


def test_customer_round_trip(client: Any) -> None:
    customer = a_customer(client, "Love's Dental")
    customer.Notes = "prefers e-mail"
    customer.save(qb=client)
    held = Customer.get(customer.Id, qb=client)
    assert (held.Notes, held.SyncToken, held.FullyQualifiedName) == ("prefers e-mail", "1", "Love's Dental")
    assert Customer.filter(DisplayName="Love's Dental", qb=client)[0].Id == customer.Id
    assert Customer.count(qb=client) == 1


def test_invoice_life(client: Any) -> None:
    invoice = an_invoice(client, a_customer(client, "A"))
    assert (invoice.TotalAmt, invoice.Balance) == (Decimal("100.0"), Decimal("100.0"))
    invoice.PrivateNote = "changed"
    invoice.sparse = True
    invoice = invoice.save(qb=client)
    assert Invoice.get(invoice.Id, qb=client).PrivateNote == "changed"
    invoice.void(qb=client)
    voided = Invoice.get(invoice.Id, qb=client)
    assert voided.TotalAmt == 0 and voided.PrivateNote.startswith("Voided")
    voided.delete(qb=client)
    with pytest.raises(ObjectNotFoundException):
        Invoice.get(invoice.Id, qb=client)


def test_request_id_replays(client: Any) -> None:
    customer = a_customer(client, "B")
    twice = []
    for _ in range(2):
        invoice = Invoice()
        invoice.CustomerRef = ref(customer)
        invoice.Line.append(sales_line(10))
        twice.append(invoice.save(qb=client, request_id="6f5e-once").Id)
    assert twice[0] == twice[1]
    assert Invoice.count(qb=client) == 1


def test_batch_create_update_delete(client: Any) -> None:
    customer = a_customer(client, "C")
    forms = []
    for amount in range(1, 36):
        form = Invoice()
        form.CustomerRef = ref(customer)
        form.Line.append(sales_line(amount))
        forms.append(form)
    made = batch_create(forms, qb=client)
    assert len(made.successes) == 35 and not made.faults
    for form in made.successes:
        form.PrivateNote = "batch"
    changed = batch_update(made.successes, qb=client)
    assert {form.PrivateNote for form in changed.successes} == {"batch"}
    assert len(batch_delete(changed.successes, qb=client).successes) == 35


def test_change_data_capture(client: Any) -> None:
    customer = a_customer(client, "D")
    invoice = an_invoice(client, customer)
    gone = an_invoice(client, customer)
    gone.delete(qb=client)
    since = datetime.now(UTC) - timedelta(hours=1)
    changes = change_data_capture([Invoice, Customer, Payment], since.strftime("%Y-%m-%dT%H:%M:%SZ"), qb=client)
    assert [held.Id for held in changes.Invoice] == [invoice.Id, gone.Id]
    assert changes.Invoice[1].status == "Deleted"
    assert not hasattr(changes, "Payment")


def test_deep_paging(client: Any) -> None:
    customer = a_customer(client, "E")
    for _ in range(4):
        batch_create([_unsaved(customer, n) for n in range(1, 31)], qb=client)
    seen: list[str] = []
    while True:
        page = Invoice.all(order_by="Id", start_position=len(seen) + 1, max_results=50, qb=client)
        seen += [held.Id for held in page]
        if len(page) < 50:
            break
    assert len(seen) == len(set(seen)) == 120
    assert seen == sorted(seen, key=int)


def _unsaved(customer: Any, amount: int) -> Any:
    form = Invoice()
    form.CustomerRef = ref(customer)
    form.Line.append(sales_line(amount))
    return form


def test_payment_credit_memo_and_deposit(client: Any) -> None:
    customer = a_customer(client, "F")
    invoice = an_invoice(client, customer, 100)
    memo = an_invoice(client, customer, 30, CreditMemo)
    payment = Payment()
    payment.CustomerRef = ref(customer)
    payment.TotalAmt = 70
    payment.Line = [_pay(invoice, "Invoice", 100), _pay(memo, "CreditMemo", 30)]
    payment = payment.save(qb=client)
    assert payment.UnappliedAmt == 0
    assert Invoice.get(invoice.Id, qb=client).Balance == 0
    assert CreditMemo.get(memo.Id, qb=client).RemainingCredit == 0
    deposit = _deposit(client, payment)
    payment = Payment.get(payment.Id, qb=client)
    with pytest.raises(QuickbooksException) as frozen:
        payment.void(qb=client)
    assert frozen.value.error_code == 6540
    deposit.delete(qb=client)
    payment = Payment.get(payment.Id, qb=client)
    payment.void(qb=client)
    assert Invoice.get(invoice.Id, qb=client).Balance == 100
    Payment.get(payment.Id, qb=client).delete(qb=client)


def _pay(target: Any, kind: str, amount: int) -> Any:
    from quickbooks.objects.base import LinkedTxn
    from quickbooks.objects.payment import PaymentLine

    line = PaymentLine()
    line.Amount = amount
    link = LinkedTxn()
    link.TxnId, link.TxnType = target.Id, kind
    line.LinkedTxn.append(link)
    return line


def _deposit(client: Any, payment: Any) -> Any:
    from quickbooks.objects.deposit import DepositLine

    deposit = Deposit()
    deposit.DepositToAccountRef = ref(Account.filter(Name="Checking", qb=client)[0])
    line = DepositLine()
    line.Amount = payment.TotalAmt
    line.LinkedTxn = _pay(payment, "Payment", 0).LinkedTxn
    deposit.Line.append(line)
    return deposit.save(qb=client)


def test_lists(client: Any) -> None:
    income = Account.filter(Name="Services", qb=client)[0]
    account = Account()
    account.Name, account.AccountSubType = "Crowns", "SalesOfProductIncome"
    assert account.save(qb=client).AccountType == "Income"
    item = Item()
    item.Name, item.Type, item.UnitPrice, item.IncomeAccountRef = "Crown", "Service", Decimal("99.5"), ref(income)
    item = item.save(qb=client)
    assert item.UnitPrice == Decimal("99.5")
    for kind, name in ((Department, "North"), (Class, "Implants"), (PaymentMethod, "Wire")):
        entity = kind()
        entity.Name = name
        if kind is PaymentMethod:
            entity.Type = "NON_CREDIT_CARD"
        saved = entity.save(qb=client)
        saved.Name = f"{name} 2"
        assert kind.get(saved.save(qb=client).Id, qb=client).Name == f"{name} 2"
    term = Term()
    term.Name, term.DueDays = "Net 45", 45
    assert term.save(qb=client).DueDays == 45
    for kind, name in ((Vendor, "Gold Supplier"), (Employee, "Ann Lee")):
        person = kind()
        person.DisplayName = name
        assert kind.get(person.save(qb=client).Id, qb=client).DisplayName == name
    agency = TaxAgency()
    agency.DisplayName = "Oregon"
    agency.save(qb=client)
    assert {held.Name for held in TaxCode.all(qb=client)} >= {"TAX", "NON"}
    assert TaxRate.all(qb=client)[0].RateValue == 8


def test_other_forms(client: Any) -> None:
    customer = a_customer(client, "G")
    assert an_invoice(client, customer, 5, Estimate).TxnStatus == "Pending"
    receipt = an_invoice(client, customer, 6, SalesReceipt)
    receipt.void(qb=client)
    assert SalesReceipt.get(receipt.Id, qb=client).TotalAmt == 0
    refund = RefundReceipt()
    refund.CustomerRef = ref(customer)
    refund.DepositToAccountRef = ref(Account.filter(Name="Checking", qb=client)[0])
    refund.Line.append(sales_line(7))
    assert refund.save(qb=client).TotalAmt == 7


def test_journal_entry_and_bill(client: Any) -> None:
    from quickbooks.objects.detailline import AccountBasedExpenseLine, AccountBasedExpenseLineDetail
    from quickbooks.objects.journalentry import JournalEntryLine, JournalEntryLineDetail

    rent = Account.filter(Name="Rent or Lease", qb=client)[0]
    entry = JournalEntry()
    for side in ("Debit", "Credit"):
        line = JournalEntryLine()
        line.Amount = 12
        line.JournalEntryLineDetail = JournalEntryLineDetail()
        line.JournalEntryLineDetail.PostingType = side
        line.JournalEntryLineDetail.AccountRef = ref(rent)
        entry.Line.append(line)
    assert entry.save(qb=client).TotalAmt == 12
    vendor = Vendor()
    vendor.DisplayName = "Landlord"
    bill = Bill()
    bill.VendorRef = ref(vendor.save(qb=client))
    cost = AccountBasedExpenseLine()
    cost.Amount = 900
    cost.AccountBasedExpenseLineDetail = AccountBasedExpenseLineDetail()
    cost.AccountBasedExpenseLineDetail.AccountRef = ref(rent)
    bill.Line.append(cost)
    saved = bill.save(qb=client)
    assert Bill.get(saved.Id, qb=client).Balance == 900
    saved.delete(qb=client)


def test_company_info_and_preferences(client: Any) -> None:
    assert CompanyInfo.get(1, qb=client).CompanyName == "python-quickbooks"
    preferences = Preferences.get(qb=client)
    assert preferences.SalesFormsPrefs.CustomTxnNumbers is True


def test_pdf_send_and_attachments(client: Any) -> None:
    invoice = an_invoice(client, a_customer(client, "H"))
    assert invoice.download_pdf(qb=client).startswith(b"%PDF-")
    invoice.send(qb=client, send_to="pay@example.com")
    assert Invoice.get(invoice.Id, qb=client).EmailStatus == "EmailSent"
    note = Attachable()
    note.Note = "see lab slip"
    linked = AttachableRef()
    linked.EntityRef = invoice.to_ref()
    note.AttachableRef.append(linked)
    assert note.save(qb=client).Note == "see lab slip"
    file = Attachable()
    file.FileName, file.ContentType, file._FileBytes = "slip.txt", "text/plain", b"shade A2"
    assert file.save(qb=client).Size == 8


def test_faults_become_its_exceptions(client: Any) -> None:
    a_customer(client, "I")
    with pytest.raises(QuickbooksException) as clash:
        a_customer(client, "I")
    assert clash.value.error_code == 6240
    with pytest.raises(ValidationException) as missing:
        Invoice().save(qb=client)
    assert missing.value.error_code == 2020
