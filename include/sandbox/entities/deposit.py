"""Deposit: what it sweeps in is frozen until it is taken out again (fact 9.6, 6540)."""

from __future__ import annotations

from .. import faults
from ..money import ZERO, money
from ..schema import COMMON, Body, Shape, anything, boolean, day, many, number, one_of, part, ref, text
from ..store import Column
from ..work import Work, reference
from . import payment_links
from .kind import Kind, Options, linked, total_of
from .registry import KINDS
from .sales_form import LINKED_TXN, check_open_period

_SWEEPABLE = ("Payment", "SalesReceipt")
_LINE = part(
    "Line",
    {
        "Id": anything,
        "LineNum": anything,
        "Description": text(4000),
        "Amount": number,
        "LinkedTxn": LINKED_TXN,
        "DetailType": one_of("DepositLineDetail"),
        "DepositLineDetail": part(
            "DepositLineDetail",
            {
                "Entity": anything,
                "ClassRef": ref,
                "AccountRef": ref,
                "PaymentMethodRef": ref,
                "CheckNum": text(21),
                "TxnType": text(50),
                "TaxCodeRef": ref,
                "TaxApplicableOn": text(20),
            },
        ),
        "ProjectRef": ref,
        "CustomField": anything,
    },
)


class Deposit(Kind):
    """A bank deposit."""

    name = "Deposit"
    family = "Transaction"
    transaction = True
    shape = Shape(
        "Deposit",
        COMMON
        | {
            "DepositToAccountRef": ref,
            "TxnDate": day,
            "DocNumber": text(21),
            "PrivateNote": text(4000),
            "DepartmentRef": ref,
            "CurrencyRef": ref,
            "ExchangeRate": number,
            "GlobalTaxCalculation": anything,
            "TxnTaxDetail": anything,
            "TxnStatus": text(50),
            "TxnSource": text(50),
            "RecurDataRef": anything,
            "CashBack": anything,
            "TransactionLocationType": text(50),
            "Line": many(_LINE),
            "TotalAmt": None,
            "HomeTotalAmt": None,
            "LinkedTxn": None,
            "ProcessBankDeposit": boolean,
        },
    )
    columns = (
        Column("DocNumber", indexed=True),
        Column("TxnDate", "date", indexed=True),
        Column("TotalAmt", "number"),
        Column("DepositToAccountRef", "ref"),
    )

    def finish(self, work: Work, old: Body | None, new: Body, options: Options) -> Body:
        account = reference(work, old, new, "DepositToAccountRef", "Account", "Accounts", "accounts", "Name")
        if account is None:
            raise faults.missing("DepositToAccountRef")
        if account["AccountType"] not in ("Bank", "Other Current Asset"):
            raise faults.named("6430", "Invalid account type used", "Deposit to a bank or other current asset account.")
        if not new.get("Line"):
            raise faults.missing("Line")
        new.setdefault("TxnDate", (old or {}).get("TxnDate") or work.stamp[:10])
        check_open_period(work, old, new)
        swept = set() if old is None else _swept(old)
        total, lines = ZERO, []
        for place, line in enumerate(new["Line"], 1):
            lines.append(self._line(work, line, place, swept))
            total += lines[-1]["Amount"]
        new["Line"], new["TotalAmt"] = lines, money(total)
        return new

    def _line(self, work: Work, line: Body, place: int, swept: set[tuple[str, str]]) -> Body:
        amount = line.get("Amount")
        if amount is None:
            raise faults.missing("Amount")
        new: Body = {"Id": str(place), "LineNum": place, "Amount": money(amount), "DetailType": "DepositLineDetail"}
        for name in ("Description", "DepositLineDetail"):
            if line.get(name):
                new[name] = line[name]
        links = []
        for kind, record_id in payment_links.targets(line):
            if kind not in _SWEEPABLE:
                raise faults.bad_enumeration("TxnType", kind)
            target = work.read(kind, record_id)
            if target is None:
                raise faults.deleted_transaction()
            if linked(target, "Deposit") and (kind, record_id) not in swept:
                raise faults.cannot_link("Deposit.Line.LinkedTxn.TxnId")
            if money(amount) != total_of(target, "TotalAmt"):
                raise faults.business("The amount of a deposited payment can't be changed on the deposit.")
            links.append({"TxnId": record_id, "TxnType": kind, "TxnLineId": "0"})
        if links:
            new["LinkedTxn"] = links
        elif "DepositLineDetail" not in new:
            raise faults.missing("DepositLineDetail")
        return new

    def saved(self, work: Work, old: Body | None, new: Body) -> None:
        before = set() if old is None else _swept(old)
        after = _swept(new)
        self._mark(work, new["Id"], before - after, False)
        self._mark(work, new["Id"], after - before, True)

    def check_delete(self, work: Work, old: Body) -> None:
        check_open_period(work, old, old)
        self._mark(work, old["Id"], _swept(old), False)

    def _mark(self, work: Work, deposit_id: str, swept: set[tuple[str, str]], inside: bool) -> None:
        for kind, record_id in sorted(swept):
            body = work.read(kind, record_id)
            if body is not None:
                link = [{"TxnId": deposit_id, "TxnType": "Deposit"}] if inside else []
                body["LinkedTxn"] = [held for held in body.get("LinkedTxn", []) if held["TxnType"] != "Deposit"] + link
                work.save(KINDS[kind], body)


def _swept(deposit: Body) -> set[tuple[str, str]]:
    return {target for line in deposit["Line"] for target in payment_links.targets(line)}
