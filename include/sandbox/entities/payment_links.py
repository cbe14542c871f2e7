"""Links between payments, invoices and credit memos (facts 9.4 to 9.6).

A payment's lines name charges (invoices) and credits (credit memos), each with an amount. Charges may never be
more than the cash and the credits together. Whatever a payment's lines gain or lose, the linked transactions'
open balances follow, and with them their SyncTokens and LastUpdatedTimes.
"""

from __future__ import annotations

from decimal import Decimal

from .. import faults
from ..money import ZERO, cents, money
from ..schema import Body
from ..work import Work
from .kind import linked, total_of
from .registry import KINDS

CREDITS = frozenset(("CreditMemo", "Check", "CreditCardCredit"))
LINKABLE = CREDITS | {"Invoice", "JournalEntry", "Expense"}
Target = tuple[str, str]


def targets(line: Body) -> list[Target]:
    """What a line is applied to; two transactions in one line are tolerated (fact 9.6)."""
    return [(link.get("TxnType", ""), link.get("TxnId", "")) for link in line.get("LinkedTxn", [])]


def amounts(payment: Body | None) -> dict[Target, Decimal]:
    """How much of a payment goes where."""
    found: dict[Target, Decimal] = {}
    for line in (payment or {}).get("Line", []):
        for target in targets(line):
            found[target] = found.get(target, ZERO) + line["Amount"]
    return found


def charges_and_credits(payment: Body) -> tuple[Decimal, Decimal]:
    """The sums of both sides."""
    charges = credits = ZERO
    for (kind, _), amount in amounts(payment).items():
        if kind in CREDITS:
            credits += amount
        else:
            charges += amount
    return charges, credits


def unapplied(payment: Body) -> Decimal:
    """TotalAmt + credits − charges."""
    charges, credits = charges_and_credits(payment)
    return total_of(payment, "TotalAmt") + credits - charges


def check_lines(work: Work, old: Body | None, new: Body) -> None:
    """Every link exists, belongs to the customer and has that much open; 610, 620, 6000."""
    before = amounts(old)
    for (kind, record_id), amount in amounts(new).items():
        if kind not in ("Invoice", "CreditMemo"):
            continue
        target = None if work.hidden and (kind, record_id) in work.hidden else work.read(kind, record_id)
        if target is None:
            # trap 15: also what a DocNumber in the place of the Id gets
            raise faults.deleted_transaction()
        if not _may_pay(work, new["CustomerRef"]["value"], target["CustomerRef"]["value"]):
            raise faults.cannot_link("Payment.Line.LinkedTxn.TxnId")
        if amount > total_of(target, "Balance") + before.get((kind, record_id), ZERO):
            raise faults.business("The amount applied can't be more than the open balance of the transaction.")
    charges, credits = charges_and_credits(new)
    if charges > total_of(new, "TotalAmt") + credits:
        raise faults.business("Amount Received plus credits can't be less than selected charges")


def check_open_periods(work: Work, old: Body | None, new: Body | None) -> None:
    """6210 for what changes of an invoice's payment in a closed period, if the company counts the invoice's day too."""
    closed = work.preferences.get("AccountingInfoPrefs", {}).get("BookCloseDate")
    if not closed or work.switch("closed_invoice_payment") == "allow":
        return
    before, after = amounts(old), amounts(new)
    for kind, record_id in before.keys() | after.keys():
        changes = before.get((kind, record_id)) != after.get((kind, record_id))
        target = work.read(kind, record_id) if kind in ("Invoice", "CreditMemo") and changes else None
        if target is not None and target["TxnDate"] <= closed:
            raise faults.period_closed()


def _may_pay(work: Work, payer: str, owner: str) -> bool:
    if payer == owner:
        return True
    if work.switch("cross_customer_payment") == "exact":
        return False
    step: str | None = owner
    while step is not None:
        if step == payer:
            return True
        parent = (work.look("Customer", step) or {}).get("ParentRef")
        step = parent["value"] if parent else None
    return False


def settle(work: Work, payment_id: str, before: dict[Target, Decimal], after: dict[Target, Decimal]) -> None:
    """Bring the linked transactions in line with a payment's change."""
    for target in dict.fromkeys((*before, *after)):
        kind, record_id = target
        was, now = before.get(target, ZERO), after.get(target, ZERO)
        if kind not in ("Invoice", "CreditMemo") or (was == now and (target in before) == (target in after)):
            continue
        body = work.read(kind, record_id)
        if body is None:
            continue
        _open(body, kind, total_of(body, "Balance") + was - now)
        if kind == "Invoice":
            links = [link for link in body.get("LinkedTxn", []) if link["TxnId"] != payment_id]
            if target in after:
                links.append({"TxnId": payment_id, "TxnType": "Payment"})
            body["LinkedTxn"] = links
        work.save(KINDS[kind], body)


def _open(body: Body, kind: str, balance: Decimal) -> None:
    body["Balance"] = money(balance)
    if kind == "CreditMemo":
        body["RemainingCredit"] = body["Balance"]


def describe_lines(work: Work, payment: Body) -> None:
    """LineEx: the open balance before this payment, and the number (fact 9.6)."""
    for line in payment["Line"]:
        for kind, record_id in targets(line)[:1]:
            body = work.read(kind, record_id) if kind in ("Invoice", "CreditMemo") else None
            if body is None:
                continue
            pairs = [("txnId", record_id), ("txnOpenBalance", f"{cents(total_of(body, 'Balance') + line['Amount'])}")]
            if body.get("DocNumber"):
                pairs.append(("txnReferenceNumber", body["DocNumber"]))
            line["LineEx"] = {"any": [_name_value(name, value) for name, value in pairs]}


def _name_value(name: str, value: str) -> Body:
    return {
        "name": "{http://schema.intuit.com/finance/v3}NameValue",
        "declaredType": "com.intuit.schema.finance.v3.NameValue",
        "scope": "javax.xml.bind.JAXBElement$GlobalScope",
        "value": {"Name": name, "Value": value},
        "nil": False,
        "globalScope": True,
        "typeSubstituted": False,
    }


# -- seen from the invoice or the credit memo ------------------------------------------------------


def release(work: Work, invoice: Body, keep: Decimal) -> set[str]:
    """Take payments off an invoice, the newest first, until at most `keep` stays applied.

    Answers the ids of the payments that stay linked. The invoice itself is the caller's to save.
    """
    return _release(work, ("Invoice", invoice["Id"]), linked(invoice, "Payment"), keep)


def release_credit(work: Work, memo: Body, keep: Decimal) -> None:
    """The same for a credit memo: what it paid is open again."""
    if total_of(memo, "Balance") == total_of(memo, "TotalAmt"):
        return
    target = ("CreditMemo", memo["Id"])
    # A memo does not know its payments, and a parent's payment may use it: look for its link in the raw records.
    mark = b'"TxnId":"%b","TxnType":"CreditMemo"' % memo["Id"].encode()
    payments = [record.id for record in work.company.table("Payment").records.values() if mark in record.body]
    _release(work, target, payments, keep)


def _release(work: Work, target: Target, payments: list[str], keep: Decimal) -> set[str]:
    kept: set[str] = set()
    for payment_id in payments:
        payment = work.read("Payment", payment_id)
        if payment is None:
            continue
        before = amounts(payment)
        held = before.get(target, ZERO)
        stays = min(held, max(keep, ZERO))
        keep -= stays
        if stays:
            kept.add(payment_id)
        if stays == held:
            continue
        _cut(payment, target, held - stays)
        _rebalance(payment, target[0] in CREDITS, held - stays)
        after = amounts(payment)
        # The released transaction is the caller's; only the others on the payment move here.
        settle(work, payment_id, _without(before, target), _without(after, target))
        _save_payment(work, payment)
    return kept


def _without(held: dict[Target, Decimal], target: Target) -> dict[Target, Decimal]:
    return {key: value for key, value in held.items() if key != target}


def _cut(payment: Body, target: Target, amount: Decimal) -> None:
    """Take so much off the lines that go to a target, the last line first."""
    for line in reversed(payment["Line"]):
        if amount and target in targets(line):
            less = min(amount, line["Amount"])
            line["Amount"] = money(line["Amount"] - less)
            amount -= less
    payment["Line"] = [line for line in payment["Line"] if line["Amount"]]


def _rebalance(payment: Body, credit_was_cut: bool, less: Decimal) -> None:
    """After a cut on one side: charges that nothing covers any more go, or credits that nothing needs any more."""
    charges, credits = charges_and_credits(payment)
    cash = total_of(payment, "TotalAmt")
    surplus = charges - cash - credits if credit_was_cut else min(credits - max(charges - cash, ZERO), less)
    for target in reversed(list(amounts(payment))):
        if surplus <= 0:
            return
        if (target[0] in CREDITS) is not credit_was_cut:
            part = min(surplus, amounts(payment)[target])
            _cut(payment, target, part)
            surplus -= part


def _save_payment(work: Work, payment: Body) -> None:
    kind = KINDS["Payment"]
    payment["UnappliedAmt"] = money(unapplied(payment))
    empty = not payment["Line"] and not total_of(payment, "TotalAmt")
    if empty and work.switch("empty_application") == "delete":
        work.remove(kind, payment["Id"])
    else:
        work.save(kind, payment)


# -- automation ------------------------------------------------------------------------------------


def auto_apply_to_invoice(work: Work, invoice: Body) -> None:
    """With AutoApplyPayments or AutoApplyCredit on, open payments and credits go to a new invoice (9.5, 9.8)."""
    prefs = work.preferences.get("SalesFormsPrefs", {})
    customer = invoice["CustomerRef"]["value"]
    if prefs.get("AutoApplyPayments"):
        for record in work.company.table("Payment").named("CustomerRef", customer):
            payment = work.read("Payment", record.id)
            if payment is None or not total_of(payment, "UnappliedAmt") or linked(payment, "Deposit"):
                continue
            amount = min(total_of(payment, "UnappliedAmt"), _balance(work, "Invoice", invoice["Id"]))
            if amount > 0:
                _add_line(work, payment, ("Invoice", invoice["Id"]), amount)
    if prefs.get("AutoApplyCredit"):
        for record in work.company.table("CreditMemo").named("CustomerRef", customer):
            amount = min(_balance(work, "CreditMemo", record.id), _balance(work, "Invoice", invoice["Id"]))
            if amount > 0:
                _apply_credit(work, customer, record.id, [(invoice["Id"], amount)])


def auto_apply_credit(work: Work, memo: Body) -> None:
    """With AutoApplyCredit on, a new credit memo pays the oldest open invoices by a zero-total payment (trap 17)."""
    if not work.preferences.get("SalesFormsPrefs", {}).get("AutoApplyCredit"):
        return
    customer, left = memo["CustomerRef"]["value"], total_of(memo, "Balance")
    uses: list[tuple[str, Decimal]] = []
    table = work.company.table("Invoice")
    for record in sorted(table.named("CustomerRef", customer), key=lambda held: table.value(held, "TxnDate")):
        amount = min(left, _balance(work, "Invoice", record.id))
        if amount > 0:
            uses.append((record.id, amount))
            left -= amount
    if uses:
        _apply_credit(work, customer, memo["Id"], uses)


def _balance(work: Work, kind: str, record_id: str) -> Decimal:
    return total_of(work.read(kind, record_id) or {}, "Balance")


def _apply_credit(work: Work, customer: str, memo_id: str, uses: list[tuple[str, Decimal]]) -> None:
    lines = [_line("Invoice", invoice_id, amount) for invoice_id, amount in uses]
    lines.append(_line("CreditMemo", memo_id, sum((amount for _, amount in uses), ZERO)))
    request: Body = {
        "CustomerRef": {"value": customer},
        "TotalAmt": ZERO,
        "PrivateNote": "Created by QB Online to link credits to charges.",
        "Line": lines,
    }
    KINDS["Payment"].create(work, request, {})


def _add_line(work: Work, payment: Body, target: Target, amount: Decimal) -> None:
    before = amounts(payment)
    payment["Line"].append(_line(*target, amount))
    settle(work, payment["Id"], before, amounts(payment))
    describe_lines(work, payment)
    _save_payment(work, payment)


def _line(kind: str, record_id: str, amount: Decimal) -> Body:
    return {"Amount": money(amount), "LinkedTxn": [{"TxnId": record_id, "TxnType": kind}]}
