"""What is planned in each situation, written out in `plans.txt`: whoever changes a rule sees in its diff what changes.

The other tests here say which rule each plan follows; this one pins all of a plan, its target, what it waits for and
the words of its problem, where two customers, two versions and a lab's settings meet. `GOLDEN=write` writes it anew.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

from include.model.invoice import Invoice
from include.model.payment import Application, Credit, CreditApplication, Payment
from include.model.plan import Plan
from include.model.record import Direction, Owner, RecordKey
from include.model.settings import LabSettings
from include.model.staged import Duplicate, Fetched, LmsInvoice, LmsPayment, OtherLine, Payer, QboCreditMemo
from include.sync.plan.credit import ApplicationContext, CreditContext
from include.sync.plan.invoice import InvoiceContext
from include.sync.plan.payment import PaymentContext, other_lines
from tests.support.planning import (
    ACCOUNT,
    DAY,
    DAY_AFTER,
    DELETED,
    FOREIGN,
    ITEMS,
    MISSING,
    PAYER,
    REFUSED,
    UNCONFIRMED,
    Row,
    a_credit,
    a_payment,
    an_invoice,
    assert_sound,
    credit_applied,
    dollars,
    invoice_in_quickbooks,
    lab_with,
    linked,
    number_match,
    payment_in_quickbooks,
    plan,
    staged,
)

WRITTEN = Path(__file__).with_name("plans.txt")
NORTH = Payer(key=RecordKey("billing_account", "2"), owner=Owner("2"))
TWICE = Payer(key=NORTH.key, owner=NORTH.owner, keys=(ACCOUNT,))
PAYERS = {"Lakeside": PAYER, "North": NORTH, "North, linked twice": TWICE, "nobody": None}
BOTH_WAYS: tuple[Direction, ...] = ("lms_to_qbo", "qbo_to_lms")
ONE, TWO = (RecordKey("invoice", str(n)) for n in (1, 2))
MEMO_LINE = OtherLine(kind="CreditMemo", qbo_id="3", amount=dollars(5), linked=())

#: What may be known of any transaction that is new in the LMS.
NEW_IN_LMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "missing": {"missing": (MISSING,)},
    "unconfirmed": {"unconfirmed": UNCONFIRMED},
    "unclear": {"unclear": {"code": "unreadable"}},
    "foreign": {"foreign_customer": FOREIGN},
}

Situation = tuple[str, Row, LabSettings]


def of_north(one: Any) -> Any:
    """The same for the other customer."""
    return replace(one, customer=NORTH.key, owner=NORTH.owner)


def of_a_pair(one: Any) -> Any:
    """The LMS names a pair of the same account, which stands for the same customer."""
    return replace(one, owner=Owner("1", "5"))


def restructured(one: Any) -> Any:
    """The LMS names the same account, which now stands for another customer."""
    return replace(one, customer=RecordKey("doctor_office", "5"))


# ------------------------------------------------------------------ situations


def invoices() -> Iterator[Situation]:
    """Linked ones: whose they are, and what both sides say."""
    for origin in ("lms", "qbo"):
        agreed = an_invoice(100, origin=origin)
        ours = {
            "as agreed": agreed,
            "of North": of_north(agreed),
            "restructured": restructured(agreed),
            "$120": an_invoice(120, origin=origin),
            "gone": None,
        }
        theirs = {
            "not asked": None,
            "deleted": DELETED,
            "as agreed": Fetched(record=invoice_in_quickbooks(an_invoice(100))),
            "$130": Fetched(record=invoice_in_quickbooks(an_invoice(130))),
            "void": Fetched(record=invoice_in_quickbooks(an_invoice(0), voided=True)),
        }
        for direction, (lms, our), (qbo, their), (payer, who), base in product(
            BOTH_WAYS, ours.items(), theirs.items(), PAYERS.items(), (agreed, None)
        ):
            if who is not PAYER and (their is None or their.record is None or direction == "lms_to_qbo"):
                continue
            record = staged(
                "invoice",
                direction,
                InvoiceContext(payer=who if their else None, items=ITEMS, customer_qbo_id="21", customer_name="Lake"),
                link=linked(base),
                lms=LmsInvoice(invoice=our, billing_lab_id=1, balance=our.total) if our else None,
                qbo=their,
            )
            name = f"{direction}, from {origin}, LMS {lms}, QBO {qbo} of {payer}, {_agreed(base)}"
            yield name, record, lab_with()
            if who is PAYER and qbo in ("not asked", "$130"):
                yield f"{name}, one way", record, lab_with("lms_to_qbo")


def new_invoices() -> Iterator[Situation]:
    """Not linked: numbers, matches, references."""
    ours, there = an_invoice(100), invoice_in_quickbooks(an_invoice(100))
    match = number_match("7", lab="Northlight")
    lms_sides: dict[str, dict[str, Any]] = {
        **NEW_IN_LMS,
        "one match": {"number_matches": (there,)},
        "two matches": {"number_matches": (there, replace(there, qbo_id="102"))},
        "other day": {"number_matches": (replace(there, date=DAY.replace(day=9)),)},
    }
    for (name, context), of_lab in product(lms_sides.items(), ("both", "qbo_to_lms")):
        record = staged(
            "invoice",
            "lms_to_qbo",
            InvoiceContext(customer_qbo_id="21", **context),
            lms=LmsInvoice(invoice=ours, billing_lab_id=1),
        )
        yield f"new in the LMS, {name}, {of_lab}", record, lab_with(of_lab)
    qbo_sides: dict[str, dict[str, Any]] = {
        "plain": {},
        "in flight": {"match_in_flight": True},
        "one match": {"lms_number_matches": (match,)},
        "linked match": {"lms_number_matches": (replace(match, linked=True),)},
        "linked match of another lab": {"lms_number_matches": (replace(match, linked=True, lab_id=2),)},
        "other total": {"lms_number_matches": (replace(match, total=dollars(90)),)},
        "two matches": {"lms_number_matches": (match, replace(match, lms_id="8"))},
    }
    for (name, context), (payer, who), own_numbers, of_lab in product(
        qbo_sides.items(), (("Lakeside", PAYER), ("nobody", None)), (True, False), ("both", "lms_to_qbo")
    ):
        record = staged(
            "invoice",
            "qbo_to_lms",
            InvoiceContext(payer=who, items=ITEMS, **context),
            qbo=Fetched(record=invoice_in_quickbooks(an_invoice(100, tax=dollars(8), origin="qbo"))),
        )
        numbers = "own numbers" if own_numbers else "QuickBooks' numbers"
        yield (
            f"new in QuickBooks of {payer}, {name}, {numbers}, {of_lab}",
            record,
            lab_with(of_lab, own_numbers=own_numbers),
        )


def payments() -> Iterator[Situation]:
    """Linked ones."""
    agreed = a_payment(100, i1=60)
    ours: dict[str, Payment | None] = {
        "as agreed": agreed,
        "of North": of_north(agreed),
        "restructured": restructured(agreed),
        "of a pair": of_a_pair(agreed),
        "$120": a_payment(120, i1=60),
        "moved to 2": a_payment(100, i2=60),
        "gone": None,
    }
    theirs: dict[str, Fetched[Any] | None] = {
        "not asked": None,
        "deleted": DELETED,
        "refused": REFUSED,
        "as agreed": Fetched(record=payment_in_quickbooks(agreed)),
        "$130": Fetched(record=payment_in_quickbooks(a_payment(130, i1=60))),
        "off 1, on unknown": Fetched(record=payment_in_quickbooks(a_payment(100), besides={"z9": dollars(10)})),
        "with a memo": Fetched(record=payment_in_quickbooks(agreed, other_lines=(MEMO_LINE,))),
        "a day later": Fetched(record=payment_in_quickbooks(a_payment(100, i1=60, on=DAY_AFTER))),
        "void": Fetched(record=payment_in_quickbooks(a_payment(0))),
    }
    for direction, (lms, our), (qbo, their), (payer, who), base in product(
        BOTH_WAYS, ours.items(), theirs.items(), PAYERS.items(), (agreed, None)
    ):
        if who is not PAYER and (their is None or their.record is None or our is None or direction == "lms_to_qbo"):
            continue
        record = payment_row(direction, our, their, base, payer=who if their else None)
        name = f"{direction}, LMS {lms}, QBO {qbo} of {payer}, {_agreed(base)}"
        yield name, record, lab_with()
        if who is PAYER and qbo in ("$130", "off 1, on unknown"):
            yield f"{name}, one way", record, lab_with("lms_to_qbo")
    around: dict[str, dict[str, Any]] = {
        "1 is leaving": {"leaving_invoices": ("1",), "deleted_invoices": ("1",)},
        "1 was deleted": {"deleted_invoices": ("1",)},
        "2 has no room": {"open_balances": {"2": dollars(10)}},
        "1 is another's": {"of_other_customers": (ONE,)},
        "something missing": {"missing": (MISSING,)},
        "an invoice is expected": {"expected_qbo_invoices": ("z9",)},
        "left alone by nobody": {},
    }
    for direction, (what, context), (lms, our), (qbo, their) in product(
        BOTH_WAYS, around.items(), ours.items(), theirs.items()
    ):
        if qbo in ("as agreed", "off 1, on unknown", "$130") and lms != "restructured":
            record = payment_row(direction, our, their, agreed, **context)
            yield f"{direction}, LMS {lms}, QBO {qbo}, {what}", record, lab_with()


def payment_row(
    direction: Direction,
    our: Payment | None,
    their: Fetched[Any] | None,
    base: Payment | None,
    payer: Payer | None = PAYER,
    *,
    is_linked: bool = True,
    **context: Any,
) -> Row:
    """A payment whose invoices 1 to 3 are q1 to q3 in QuickBooks."""
    on_it = their.record.invoices if their and their.record else {}
    known = PaymentContext(
        payer=payer,
        synced_invoices=tuple(one.invoice for one in our.applications) if our else (),
        invoice_ids={id_: id_[1:] for id_ in on_it if id_[0] == "q"},
        **{"open_balances": {"1": dollars(1000), "2": dollars(1000)}, **context},
    )
    return staged(
        "payment",
        direction,
        known,
        link=linked(base) if is_linked else None,
        lms=LmsPayment(payment=our, billing_lab_id=1, origin="lms") if our else None,
        qbo=their,
    )


def new_payments() -> Iterator[Situation]:
    """Not linked."""
    ours = a_payment(100, i1=60)
    same = Duplicate(qbo_id="9", copy_id="8", date=DAY, amount=dollars(100), account="Lakeside", pays=("1042", "1043"))
    duplicate = {"duplicate": same, "duplicate_in_lms": "7", "duplicate_numbers": ("1042",)}
    lms_sides: dict[str, dict[str, Any]] = {
        **NEW_IN_LMS,
        "possible duplicate": duplicate,
        "possible duplicate of another invoice": {**duplicate, "duplicate_shares": False},
    }
    for (name, context), of_lab in product(lms_sides.items(), ("both", "qbo_to_lms")):
        record = payment_row("lms_to_qbo", ours, None, None, None, is_linked=False, **context)
        yield f"new in the LMS, {name}, {of_lab}", record, lab_with(of_lab)
    theirs = {
        "plain": payment_in_quickbooks(ours),
        "no money": payment_in_quickbooks(a_payment(0)),
        "with a memo": payment_in_quickbooks(ours, other_lines=(MEMO_LINE,)),
        "on an unknown invoice": payment_in_quickbooks(a_payment(100), besides={"z9": dollars(10)}),
        "in euros": payment_in_quickbooks(ours, currency="EUR"),
    }
    qbo_sides: dict[str, dict[str, Any]] = {
        "plain": {},
        "in flight": {"match_in_flight": True},
        "expected": {"expected_qbo_invoices": ("z9",)},
        "our credit": {"applies_our_credit": True},
        "possible duplicate": duplicate,
    }
    for (what, their), (name, context), (payer, who), of_lab in product(
        theirs.items(), qbo_sides.items(), (("Lakeside", PAYER), ("nobody", None)), ("both", "lms_to_qbo")
    ):
        record = payment_row("qbo_to_lms", None, Fetched(record=their), None, who, is_linked=False, **context)
        yield f"new in QuickBooks of {payer}: {what}, {name}, {of_lab}", record, lab_with(of_lab)


def credits() -> Iterator[Situation]:
    """Credits, and whose they are."""
    agreed = a_credit(50)
    ours: dict[str, Credit | None] = {
        "as agreed": agreed,
        "of North": of_north(agreed),
        "restructured": restructured(agreed),
        "of a pair": of_a_pair(agreed),
        "$70": a_credit(70),
        "gone": None,
    }
    memo = QboCreditMemo(
        date=DAY, qbo_id="101", sync_token="3", amount=dollars(50), customer_id="21", customer_name="Lakeside"
    )
    theirs: dict[str, Fetched[QboCreditMemo] | None] = {
        "not asked": None,
        "deleted": DELETED,
        "as agreed": Fetched(record=memo),
        "$90": Fetched(record=replace(memo, amount=dollars(90))),
    }
    bases: tuple[Credit | None, ...] = (agreed, None)
    for (lms, our), (qbo, their), (payer, who), base in product(ours.items(), theirs.items(), PAYERS.items(), bases):
        known = CreditContext(payer=who, customer_name="Lakeside Dental")
        record = staged("credit", "lms_to_qbo", known, link=linked(base), lms=our, qbo=their)
        yield f"LMS {lms}, QBO {qbo} of {payer}, {_agreed(base)}", record, lab_with()
    for (lms, our), of_lab in product(ours.items(), ("both", "qbo_to_lms")):
        known = CreditContext(payer=PAYER, unclear={"code": "unreadable"} if lms == "$70" else None)
        yield f"new, LMS {lms}, {of_lab}", staged("credit", "lms_to_qbo", known, lms=our), lab_with(of_lab)


def applied_credits() -> Iterator[Situation]:
    """What credits are applied to."""
    agreed = credit_applied(i1=30)
    ours: dict[str, CreditApplication | None] = {
        "as agreed": agreed,
        "of North": of_north(agreed),
        "moved to 2": credit_applied(i2=30),
        "to 1 and 2": credit_applied(i1=30, i2=10),
        "to 3, not synced": credit_applied(i3=5),
        "gone": None,
    }
    theirs: dict[str, Fetched[Any] | None] = {
        "not asked": None,
        "deleted": DELETED,
        "refused": REFUSED,
        "as agreed": Fetched(record=payment_in_quickbooks(a_payment(0, i1=30))),
        "to 2": Fetched(record=payment_in_quickbooks(a_payment(0, i2=30))),
        "to unknown": Fetched(record=payment_in_quickbooks(a_payment(0, i1=0), besides={"z9": dollars(30)})),
    }
    around: dict[str, dict[str, Any]] = {
        "plain": {"credit": a_credit(50)},
        "credit of North": {"credit": of_north(a_credit(50))},
        "credit of North, before": {"credit": replace(a_credit(50), customer=NORTH.key)},
        "1 is kept": {"kept_invoices": (ONE,)},
        "2 is expected": {"expected_invoices": (TWO,)},
        "2 is another's": {"of_other_customers": (TWO,)},
        "2 has no room": {"open_balances": {"2": dollars(0)}},
        "something missing": {"missing": (MISSING,)},
        "unclear": {"unclear": {"code": "unreadable"}},
    }
    links = {"agreed": linked(agreed), "by hand": linked(None), "not linked": None}
    for (lms, our), (qbo, their), (what, context), (how, link) in product(
        ours.items(), theirs.items(), around.items(), links.items()
    ):
        if their is not None and (link is None or (qbo not in ("deleted", "as agreed") and what != "plain")):
            continue
        expected = context.get("expected_invoices", ())
        known = ApplicationContext(
            synced_invoices=tuple(one for one in (ONE, TWO) if one not in expected),
            invoice_ids={"q1": "1", "q2": "2"},
            **{"open_balances": {"1": dollars(1000), "2": dollars(1000)}, **context},
        )
        record = staged("credit_application", "lms_to_qbo", known, link=link, lms=our, qbo=their)
        yield f"LMS {lms}, QBO {qbo}, {what}, {how}", record, lab_with()


# ------------------------------------------------------------------ written out


def _agreed(base: Any) -> str:
    return "agreed" if base else "linked by hand"


def _key(key: RecordKey | None) -> str:
    return f"{key.entity} {key.id}" if key else "nobody"


def _applied(applications: tuple[Application, ...]) -> str:
    return " + ".join(f"{one.amount} on {one.invoice.id}" for one in applications) or "nothing applied"


def _target(target: Any) -> str:
    owner = f" named {'/'.join(part for part in target.owner if part)}" if target.owner else ""
    whose = f"for {_key(target.customer)}{owner}"
    if isinstance(target, Invoice):
        lines = ", ".join(f"{one.amount} {_key(one.product) if one.product else 'no product'}" for one in target.lines)
        return f"{target.number} {target.origin} {target.total} (tax {target.tax}) [{lines}] {whose}"
    if isinstance(target, Payment):
        return f"{target.amount}, {_applied(target.applications)}, {whose}"
    if isinstance(target, CreditApplication):
        return f"{_applied(target.applications)}, {whose}"
    return f"{target.amount} {whose}"


def written(made: Plan[Any], record: Row) -> str:
    """All of a plan."""
    parts = [made.step, made.cause.name]
    if made.side:
        parts.append(f"→ {made.side}")
    if made.target:
        parts.append(_target(made.target))
    if made.match:
        parts.append(f"match {made.match.id} v{made.match.sync_token}")
    if made.waits_for:
        parts.append(f"waits for {_key(made.waits_for)}")
    if made.wait_seconds:
        parts.append(f"waits {made.wait_seconds:g} s")
    if made.problem:
        parts.append(f"{made.problem.code}: {made.problem.message}")
    if record.entity == "payment" and record.fetched and record.link:
        rest = ", ".join(f"{one.amount} {one.kind} {one.qbo_id}" for one in other_lines(record))
        parts.append(f"beside: {rest}" if rest else "")
    return "; ".join(part for part in parts if part)


def all_plans() -> Iterator[str]:
    """A line per situation; situations that end alike stand together."""
    for what in (invoices, new_invoices, payments, new_payments, credits, applied_credits):
        by_plan: dict[str, list[str]] = {}
        for name, record, lab in what():
            made = plan(record, lab)
            sound = replace(made, side=None) if made.step == "nothing" and made.side == "lms" else made
            assert_sound(sound, record, lab)
            by_plan.setdefault(written(made, record), []).append(name)
        yield f"# {what.__name__.replace('_', ' ')}\n"
        for made_, names in sorted(by_plan.items()):
            yield made_
            yield from (f"    {name}" for name in names)
            yield ""


def test_every_plan_is_the_one_that_is_written_out() -> None:
    now = "\n".join(all_plans()) + "\n"
    if os.environ.get("GOLDEN") == "write":
        WRITTEN.write_text(now)
    assert now == WRITTEN.read_text()
