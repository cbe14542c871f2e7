"""The plans of payments, both ways: every combination against the rules, and what each rule says (rules 7 and 8)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from include.model.money import ZERO
from include.model.payment import Application, Payment
from include.model.plan import Cause, Plan, Step
from include.model.record import Direction, Owner, RecordKey
from include.model.settings import LabSettings
from include.model.staged import Duplicate, Fetched, LmsPayment, OpenBalance, OtherLine, Payer, QboPayment, SettledBy
from include.sync.plan import payment as planner
from include.sync.plan import problems
from include.sync.plan.allocation import allocate, total_of
from include.sync.plan.payment import PaymentContext, StagedPayment
from tests.support.planning import (
    ACCOUNT,
    DAY,
    DAY_AFTER,
    DELETED,
    FOREIGN,
    PAYER,
    REFUSED,
    UNCONFIRMED,
    a_payment,
    applied,
    assert_sound,
    dollars,
    flows,
    lab_with,
    linked,
    payment_in_quickbooks,
    plan,
    staged,
)

DIRECTIONS = ("lms_to_qbo", "qbo_to_lms", "both")
STARTS = (None, DAY, DAY_AFTER)
ONE, TWO, THREE = (RecordKey("invoice", str(n)) for n in (1, 2, 3))
MEMO_LINE = OtherLine(kind="CreditMemo", qbo_id="3", amount=Decimal(5), linked=())


def row(
    direction: Direction,
    *,
    lms: Payment | None = None,
    base: Payment | None = None,
    by_hand: bool = False,
    origin: str = "lms",
    qbo: Payment | QboPayment | Fetched[QboPayment] | None = None,
    payer: Payer | None = PAYER,
    unsynced: tuple[RecordKey, ...] = (),
    **context: Any,
) -> StagedPayment:
    """A payment in the hands of a run. Invoices 1, 2, … are q1, q2, … in QuickBooks, but the unsynced ones."""
    if isinstance(qbo, Payment):
        qbo = payment_in_quickbooks(qbo)
    answer = Fetched(record=qbo) if isinstance(qbo, QboPayment) else qbo
    on_it = answer.record.invoices if answer and answer.record else {}
    expected = context.pop("expected", ())
    known = PaymentContext(
        payer=payer,
        synced_invoices=tuple(
            one.invoice for one in (lms.applications if lms else ()) if one.invoice not in (*unsynced, *expected)
        ),
        expected_invoices=tuple(one.invoice for one in (lms.applications if lms else ()) if one.invoice in expected),
        invoice_ids={id_: id_[1:] for id_ in on_it if RecordKey("invoice", id_[1:]) not in unsynced and id_[0] == "q"},
        **context,
    )
    return staged(
        "payment",
        direction,
        known,
        link=linked(base) if base or by_hand else None,
        lms=LmsPayment(payment=lms, billing_lab_id=1, origin=origin) if lms else None,
        qbo=answer,
    )


def planned(record: StagedPayment, lab: LabSettings | None = None) -> Plan[Payment]:
    made = plan(record, lab or lab_with())
    if made.step == "nothing" and made.side == "lms":
        # What QuickBooks' payment settles besides is reported on the way to the LMS even if there is nothing to do.
        assert_sound(replace(made, side=None), record, lab or lab_with())
    else:
        assert_sound(made, record, lab or lab_with())
    return made


def code(made: Plan[Payment]) -> str | None:
    return made.problem.code if made.problem else None


# ------------------------------------------------------------------ every linked payment

AGREED = a_payment(100, i1=60)
#: The amount, the applications, both.
VERSIONS = (AGREED, a_payment(90, i1=60), a_payment(100, i1=60, i2=40), a_payment(80, i2=80))


@dataclass(frozen=True, kw_only=True)
class Case:
    """A linked payment that was agreed on."""

    direction: Direction
    lab: LabSettings
    lms: Payment | None
    qbo: Payment | str

    @property
    def theirs(self) -> Payment | None:
        """None: deleted."""
        if isinstance(self.qbo, Payment):
            return self.qbo
        return AGREED if self.qbo == "not asked" else None

    def record(self) -> StagedPayment:
        answers: dict[str, Fetched[QboPayment] | None] = {"not asked": None, "deleted": DELETED, "refused": REFUSED}
        answer = answers[self.qbo] if isinstance(self.qbo, str) else self.qbo
        room = {str(n): dollars(1000) for n in (1, 2)}
        return row(self.direction, lms=self.lms, base=AGREED, qbo=answer, open_balances=room)


def linked_cases() -> Iterator[Case]:
    towards: tuple[Direction, ...] = ("lms_to_qbo", "qbo_to_lms")
    void = a_payment(0)
    answers: tuple[Payment | str, ...] = ("not asked", "deleted", "refused", void, *VERSIONS)
    for direction, of_lab, start, lms, qbo in product(
        towards, DIRECTIONS, (None, DAY_AFTER), (None, *VERSIONS), answers
    ):
        yield Case(direction=direction, lab=lab_with(of_lab, start=start), lms=lms, qbo=qbo)


def expected_step(case: Case) -> tuple[str, str | None, str | None]:
    """Step, side and the code of what is reported with it."""
    may_qbo, may_lms = (flows(case.lab, "payment", side, "update") for side in ("qbo", "lms"))
    lms, theirs = case.lms, case.theirs
    if case.lab.connection.sync_start_date:
        return "nothing", None, None
    if case.qbo == "refused":
        return "fail", "qbo" if case.direction == "lms_to_qbo" else "lms", "unreadable"
    if lms is None and theirs is None:
        return "unlink", None, None
    if lms is None:
        return ("delete", "qbo", "conflict_deleted" if theirs != AGREED else None) if may_qbo else ("none", None, None)
    if theirs is None:
        if may_lms:
            return "delete", "lms", "conflict_deleted" if lms != AGREED else None
        return ("fail", "qbo", "deleted_in_quickbooks") if lms != AGREED else ("none", None, None)
    if lms == theirs:
        return ("none" if lms == AGREED else "rebase"), None, None
    if theirs != AGREED and may_lms:
        return "update", "lms", "conflict_qbo_kept" if lms != AGREED else None
    if lms != AGREED and may_qbo:
        return "update", "qbo", None
    return "none", None, None


def test_every_linked_payment_gets_the_step_that_the_rules_say() -> None:
    for case in linked_cases():
        made = planned(case.record(), case.lab)
        step, side, problem = expected_step(case)
        if step == "none":
            assert (made.step, made.problem) == ("nothing", None), case
            continue
        assert (made.step, made.side, code(made)) == (step, side, problem), case
        if step == "update":
            assert made.target == (case.theirs if side == "lms" else case.lms), case
            voided = side == "lms" and case.theirs is not None and case.theirs.amount == ZERO
            assert made.cause is (Cause.VOIDED if voided else Cause.CHANGED), case
        if step == "delete":
            assert made.cause is Cause.DELETED


def test_what_is_lost_when_both_sides_changed_is_kept_in_the_error() -> None:
    both_changed = planned(row("qbo_to_lms", lms=a_payment(90), base=AGREED, qbo=a_payment(80)))
    assert both_changed.problem is not None
    assert both_changed.problem.detail["lost"] == "lms"
    assert both_changed.problem.detail["lms"]["amount"] == dollars(90)
    assert both_changed.problem.detail["qbo"]["amount"] == dollars(80)
    deleted_there = planned(row("qbo_to_lms", lms=a_payment(90), base=AGREED, qbo=DELETED))
    assert deleted_there.problem is not None
    assert deleted_there.problem.detail["lms"]["amount"] == dollars(90)
    deleted_here = planned(row("lms_to_qbo", base=AGREED, qbo=a_payment(80)))
    assert deleted_here.problem is not None
    assert deleted_here.problem.detail["qbo"]["amount"] == dollars(80)


def test_one_linked_by_hand_has_a_sound_plan_and_quickbooks_version_counts() -> None:
    towards: tuple[Direction, ...] = ("lms_to_qbo", "qbo_to_lms")
    answers = (None, DELETED, REFUSED, *VERSIONS)
    for direction, of_lab, start, lms, qbo in product(towards, DIRECTIONS, STARTS, (None, *VERSIONS[:2]), answers):
        made = planned(row(direction, lms=lms, by_hand=True, qbo=qbo), lab_with(of_lab, start=start))
        assert made.step in ("update", "delete", "rebase", "nothing", "fail", "unlink")
        if lms and isinstance(qbo, Payment) and start != DAY_AFTER:
            if qbo == lms:
                assert (made.step, made.cause, made.target) == ("rebase", Cause.LINKED_BY_HAND, qbo)
            elif of_lab != "lms_to_qbo":
                assert (made.step, made.side, made.target) == ("update", "lms", qbo)


# ------------------------------------------------------------------ every new payment


def test_every_new_payment_of_the_lms_gets_the_step_that_the_rules_say() -> None:
    for lms, origin, missing, of_lab, start, closed, unconfirmed, foreign in product(
        (None, AGREED),
        ("lms", "qbo"),
        ((), (ACCOUNT,)),
        DIRECTIONS,
        STARTS,
        (None, DAY),
        (None, UNCONFIRMED),
        (None, FOREIGN),
    ):
        record = row("lms_to_qbo", lms=lms, origin=origin, missing=missing)
        record.known.unconfirmed, record.known.foreign_customer = unconfirmed, foreign
        made = planned(record, lab_with(of_lab, start=start, closed=closed))
        if lms is None or origin == "qbo" or start == DAY_AFTER or of_lab == "qbo_to_lms":
            assert made.step == "nothing"
        elif missing:
            assert (made.step, made.waits_for) == ("wait", ACCOUNT)
        elif foreign:
            assert code(made) == "foreign_currency"
        elif unconfirmed:
            assert (made.step, made.cause) == ("adopt", Cause.UNCONFIRMED_CREATE)
        elif closed:
            assert code(made) == "books_closed"
        else:
            assert (made.step, made.side, made.target) == ("create", "qbo", lms)


def test_every_new_payment_of_quickbooks_gets_the_step_that_the_rules_say() -> None:
    there = payment_in_quickbooks(AGREED)
    answers: tuple[tuple[str, Any], ...] = (
        ("deleted", DELETED),
        ("refused", REFUSED),
        ("no money", payment_in_quickbooks(a_payment(0))),
        ("there", there),
        ("EUR", replace(there, currency="EUR")),
    )
    for (answer, qbo), payer, in_flight, expected, ours, of_lab, start in product(
        answers, (PAYER, None), (False, True), ((), ("q1",)), (False, True), DIRECTIONS, STARTS
    ):
        record = row(
            "qbo_to_lms",
            qbo=qbo,
            payer=payer,
            match_in_flight=in_flight,
            expected_qbo_invoices=expected,
            applies_our_credit=ours,
        )
        made = planned(record, lab_with(of_lab, start=start))
        if answer == "refused":
            assert code(made) == "unreadable"
        elif answer == "deleted" or start == DAY_AFTER or ours or answer == "no money" or of_lab == "lms_to_qbo":
            assert made.step == "nothing"
        elif payer is None:
            assert code(made) == ("foreign_currency" if answer == "EUR" else "customer_not_linked")
        elif in_flight:
            assert (made.step, made.cause, made.waits_for) == ("wait", Cause.MATCH_IN_FLIGHT, None)
        elif expected:
            assert (made.step, made.waits_for) == ("wait", RecordKey("invoice", "q1"))
        elif answer == "EUR":
            assert code(made) == "foreign_currency"
        else:
            assert (made.step, made.side, made.target) == ("create", "lms", AGREED)


def test_what_may_be_the_same_money_is_asked_before_it_is_sent() -> None:
    there = Duplicate(qbo_id="301", copy_id=None, date=DAY, amount=dollars(100), account="1", pays=("1",))
    for shared in (True, False):
        record = row(
            "lms_to_qbo",
            lms=AGREED,
            duplicate=there,
            duplicate_numbers=("1042",),
            duplicate_shares=shared,
            missing=(ONE,),
        )
        made = planned(record)
        assert (made.step, made.side, made.target) == ("fail", "qbo", AGREED)
        assert made.problem == problems.possible_duplicate(AGREED, there, ["1042"], shared=shared)


def test_more_than_is_open_in_quickbooks_is_reported_before_it_is_sent() -> None:
    there = OpenBalance(
        qbo_id="145", number="1042", total=dollars(60), balance=dollars(10), voided=False, settled_by=()
    )
    record = row("lms_to_qbo", lms=AGREED, over_applied={"1": there})
    made = planned(record)
    assert (made.step, made.side, made.target) == ("fail", "qbo", AGREED)
    assert made.problem == problems.less_open(planner.noun(record), [(dollars(60), there)])
    record.known.unconfirmed = UNCONFIRMED
    assert planned(record).step == "adopt", "it is there already: its own part is what is not open"


def test_why_nothing_is_done_about_a_new_payment_is_said() -> None:
    assert planned(row("lms_to_qbo", lms=AGREED, origin="qbo")).cause is Cause.FROM_QUICKBOOKS
    assert planned(row("lms_to_qbo", lms=AGREED), lab_with("qbo_to_lms")).cause is Cause.DIRECTION
    assert planned(row("qbo_to_lms", qbo=AGREED), lab_with("lms_to_qbo")).cause is Cause.DIRECTION
    new, waits = planned(row("lms_to_qbo", lms=AGREED)), planned(row("lms_to_qbo", lms=AGREED, missing=(ACCOUNT,)))
    assert (new.step, new.cause, new.side) == ("create", Cause.NEW, "qbo")
    assert (waits.step, waits.cause, waits.side, waits.waits_for) == ("wait", Cause.REFERENCE, "qbo", ACCOUNT)


def test_whom_a_payment_is_from_is_said_when_nobody_is_linked_to_it() -> None:
    made = planned(row("qbo_to_lms", qbo=AGREED, payer=None))
    assert made.problem == problems.customer_not_linked("The payment of $100.00 dated 06/01/2026", "21", "Lakeside")


# ------------------------------------------------------------------ generated situations

amounts = st.sampled_from([ZERO, Decimal("10.00"), Decimal("25.50")])


@st.composite
def payments(draw: st.DrawFn) -> Payment:
    amount = draw(amounts) + 30
    on_it = [
        Application(invoice=RecordKey("invoice", str(n)), amount=draw(amounts) + 1)
        for n in range(draw(st.integers(0, 2)))
    ]
    return Payment(date=DAY, customer=ACCOUNT, amount=amount, applications=allocate(amount, on_it))


Situation = tuple[StagedPayment, LabSettings]


@st.composite
def payment_states(draw: st.DrawFn, *, free_to_flow: bool = False) -> Situation:
    """`free_to_flow`: on both sides where it is linked, and nothing stands in its way."""
    is_linked = draw(st.booleans())
    some = st.none() if not free_to_flow else st.nothing()
    theirs = draw(some | payments())
    expected = () if free_to_flow else draw(st.sampled_from([(), (), ("9",)]))
    qbo: QboPayment | Fetched[QboPayment] = DELETED
    if theirs is not None:
        there = theirs if free_to_flow or draw(st.integers(0, 4)) else replace(theirs, amount=ZERO)
        besides = {id_: Decimal(7) for id_ in expected}
        other_lines = draw(st.sampled_from([(), (MEMO_LINE,)]))
        qbo = payment_in_quickbooks(there, besides=besides, other_lines=other_lines)
    record = row(
        "qbo_to_lms",
        lms=draw(some | payments()) if is_linked else None,
        base=draw(st.none() | payments()) if is_linked else None,
        by_hand=is_linked,
        qbo=qbo,
        payer=PAYER if is_linked or free_to_flow or draw(st.booleans()) else None,
        expected_qbo_invoices=expected,
        applies_our_credit=not free_to_flow and draw(st.integers(0, 5)) == 0,
        match_in_flight=not free_to_flow and draw(st.booleans()),
    )
    if free_to_flow:
        return record, lab_with(draw(st.sampled_from(["qbo_to_lms", "both"])), start=draw(st.sampled_from([None, DAY])))
    return record, lab_with(draw(st.sampled_from(DIRECTIONS)), start=draw(st.sampled_from(STARTS)))


@settings(max_examples=200, deadline=None)
@given(payment_states())
def test_a_payment_has_a_plan_in_every_state_and_none_against_the_rules(now: Situation) -> None:
    record, lab = now
    made = planned(record, lab)
    assert isinstance(made.cause, Cause)
    assert (made.step == "fail") <= (made.problem is not None)
    if record.link:
        assert made.step not in ("create", "adopt")
    else:
        assert made.step in ("create", "adopt", "nothing", "wait", "fail")
    if lab.connection.direction == "lms_to_qbo":
        assert made.side == "qbo" or made.step not in ("create", "update", "delete", "adopt")
    if record.known.applies_our_credit:
        assert made.step == "nothing"


@settings(max_examples=200, deadline=None)
@given(payment_states(free_to_flow=True))
def test_a_payment_that_was_brought_in_step_stays_so(now: Situation) -> None:
    record, lab = now
    made, fetched = planned(record, lab), record.fetched
    assume(made.step in ("create", "update", "rebase") and made.side != "qbo")
    assert fetched is not None
    assert made.target is not None
    again = planned(row("qbo_to_lms", lms=made.target, base=made.target, qbo=fetched), lab)
    assert again.step == "nothing"
    assert (again.problem is None) == (not fetched.other_lines), "what is skipped is reported as long as it is"


@settings(max_examples=200, deadline=None)
@given(payment_states(free_to_flow=True))
def test_no_more_is_applied_in_the_lms_than_the_payment_has(now: Situation) -> None:
    record, lab = now
    made, fetched = planned(record, lab), record.fetched
    assume(made.side == "lms" and made.target is not None)
    assert fetched is not None
    assert made.target is not None
    assert total_of(made.target.applications) <= fetched.money_applied
    there = {record.known.invoice_ids[id_]: amount for id_, amount in fetched.invoices.items() if id_[0] == "q"}
    for one in made.target.applications:
        assert ZERO < one.amount <= there[one.invoice.id]


# ------------------------------------------------------------------ what each rule says


def test_the_same_applications_in_another_order_are_no_change() -> None:
    base = a_payment(100, i2=40, i10=60)
    turned = replace(base, applications=tuple(reversed(base.applications)))
    there = replace(payment_in_quickbooks(base), invoices={"q10": dollars(60), "q2": dollars(40)})
    assert not planner.needs_quickbooks(row("lms_to_qbo", lms=turned, base=base))
    assert planned(row("lms_to_qbo", lms=turned, base=base)).step == "nothing"
    assert planned(row("qbo_to_lms", lms=turned, base=base, qbo=there)).step == "nothing"
    assert planned(row("qbo_to_lms", lms=base, base=turned, qbo=there)).step == "nothing"


def test_quickbooks_is_asked_only_where_what_both_keep_in_step_has_changed_in_the_lms() -> None:
    assert planner.needs_quickbooks(row("lms_to_qbo", base=AGREED))
    assert planner.needs_quickbooks(row("lms_to_qbo", lms=a_payment(90), base=AGREED))
    assert planner.needs_quickbooks(row("lms_to_qbo", lms=AGREED, by_hand=True))
    assert not planner.needs_quickbooks(row("lms_to_qbo", lms=replace(AGREED, method="Check"), base=AGREED))
    assert not planner.needs_quickbooks(row("lms_to_qbo", lms=AGREED))


def test_a_void_is_an_update_to_no_amount_and_not_a_delete() -> None:
    made = planned(row("qbo_to_lms", lms=AGREED, base=AGREED, qbo=a_payment(0)))
    assert (made.step, made.side, made.cause) == ("update", "lms", Cause.VOIDED)
    assert made.target == a_payment(0)


def test_what_is_applied_to_an_invoice_that_will_be_there_waits_for_it() -> None:
    lms = a_payment(100, i1=60, i2=40)
    made = planned(row("lms_to_qbo", lms=lms, expected=(TWO,), missing=(TWO,)))
    assert (made.step, made.waits_for, made.target) == ("wait", TWO, lms)
    changed = planned(row("lms_to_qbo", lms=lms, base=AGREED, qbo=AGREED, expected=(TWO,), missing=(TWO,)))
    assert (changed.step, changed.waits_for) == ("wait", TWO)


def test_what_is_applied_to_an_invoice_that_never_syncs_stays_in_the_lms() -> None:
    lms = a_payment(100, i1=60, i2=40)
    made = planned(row("lms_to_qbo", lms=lms, unsynced=(TWO,)))
    assert (made.step, made.target) == ("create", AGREED)
    record = row("lms_to_qbo", lms=lms, base=AGREED, unsynced=(TWO,))
    assert planner.unsynced_applications(record) == applied(i2=40)
    assert not planner.needs_quickbooks(record)
    assert planned(record).step == "nothing"


@pytest.mark.parametrize(
    ("theirs", "stays", "taken_back"),
    [
        (a_payment(100, i1=55), "40.00", None),
        (a_payment(100, i1=70), "30.00", "10.00"),
        (a_payment(100, i1=100), "0.00", "40.00"),
        (a_payment(0), "0.00", "40.00"),
    ],
)
def test_what_quickbooks_applies_elsewhere_is_taken_back_and_said(
    theirs: Payment, stays: str, taken_back: str | None
) -> None:
    lms = a_payment(100, i1=60, i2=40)
    record = row("qbo_to_lms", lms=lms, base=AGREED, qbo=theirs, unsynced=(TWO,))
    made = planned(record)
    assert (made.step, made.target) == ("update", theirs)
    left = planner.still_applied(theirs, planner.unsynced_applications(record))
    assert total_of(left) == Decimal(stays)
    assert total_of(left) + total_of(theirs.applications) <= max(theirs.amount, ZERO)
    if taken_back is None:
        assert made.problem is None
    else:
        assert made.problem is not None
        assert made.problem.code == "conflict_qbo_kept"
        assert f"${taken_back} was taken off" in made.problem.message


def test_money_that_moves_in_the_lms_is_released_first_where_the_other_invoice_has_no_room() -> None:
    base, moved = a_payment(100, i1=100), a_payment(100, i1=30, i2=70)
    made = planned(row("lms_to_qbo", lms=moved, base=base, qbo=base))
    assert (made.step, made.target, made.waits_for) == ("update", a_payment(100, i1=30), TWO)
    room = {"2": dollars(70)}
    at_once = planned(row("lms_to_qbo", lms=moved, base=base, qbo=base, open_balances=room))
    assert (at_once.step, at_once.target, at_once.waits_for) == ("update", moved, None)


@pytest.mark.parametrize(
    ("after", "releases"),
    [
        (a_payment(100, i1=40), True),
        (a_payment(100), True),
        (a_payment(90, i1=60), False),
        (a_payment(100, i1=80), False),
        (a_payment(100, i1=40, i2=20), False),
        (None, True),
    ],
)
def test_what_only_releases_money_goes_first(after: Payment | None, releases: bool) -> None:
    record = row("lms_to_qbo", lms=after, base=AGREED, qbo=AGREED, open_balances={"2": dollars(500)})
    record.plan = plan(record, lab_with())
    assert planner.releases_money(record) == releases


def test_an_invoice_that_was_deleted_with_us_is_no_change_of_the_bookkeepers() -> None:
    base, left = a_payment(100, i1=60, i2=40), a_payment(100, i1=60)
    record = row("qbo_to_lms", lms=left, base=base, qbo=left, deleted_invoices=("2",))
    assert planner.base_now(record) == left
    assert planned(record).step == "nothing"
    still_there = row("qbo_to_lms", lms=left, base=base, qbo=base, deleted_invoices=("2",))
    assert planner.base_now(still_there) == base, "QuickBooks still applies it there"


def test_what_leaves_a_payment_with_its_invoice_is_left_to_the_delete_of_the_invoice() -> None:
    base, left = a_payment(100, i1=60, i2=40), a_payment(100, i1=60)
    record = row("lms_to_qbo", lms=left, base=base, qbo=base, deleted_invoices=("2",), leaving_invoices=("2",))
    assert planned(record).cause is Cause.LEAVES_WITH_INVOICE
    changed_besides = a_payment(90, i1=60)
    record = row(
        "lms_to_qbo", lms=changed_besides, base=base, qbo=base, deleted_invoices=("2",), leaving_invoices=("2",)
    )
    assert (planned(record).step, planned(record).target) == ("update", changed_besides)
    still_linked = row("lms_to_qbo", lms=left, base=base, qbo=base, deleted_invoices=("2",))
    assert (planned(still_linked).step, planned(still_linked).side) == ("update", "qbo")


def test_what_a_credit_memo_pays_is_not_the_payments_own_money() -> None:
    there = replace(payment_in_quickbooks(a_payment(60, i1=60, i2=40)), money_applied=dollars(60))
    record = row("qbo_to_lms", qbo=there)
    made = planned(record)
    assert made.target is not None
    assert made.target.applications == applied(i1=60)
    assert [(one.qbo_id, one.amount) for one in planner.other_lines(record)] == [("q2", dollars(40))]
    agreed = a_payment(60, i1=20, i2=40)
    kept = planned(row("qbo_to_lms", lms=agreed, base=agreed, qbo=there))
    assert kept.step == "nothing", "what was agreed on stays as long as it fits"


def test_lines_that_the_lms_cannot_have_are_sent_back_as_they_are_and_reported() -> None:
    there = payment_in_quickbooks(AGREED, besides={"x8": dollars(15)}, other_lines=(MEMO_LINE,))
    record = row("qbo_to_lms", qbo=there)
    made = planned(record)
    assert (made.step, made.target) == ("create", AGREED)
    assert made.problem is not None
    assert made.problem.code == "unsynced_application"
    assert made.problem.detail["invoice_ids"] == ["x8"]
    sent_back = planner.other_lines(record)
    assert [(one.kind, one.qbo_id, one.amount) for one in sent_back] == [
        ("CreditMemo", "3", Decimal(5)),
        ("Invoice", "x8", dollars(15)),
    ]
    total = total_of(AGREED.applications) + sum(one.amount for one in sent_back)
    assert total == sum(there.invoices.values(), ZERO) + MEMO_LINE.amount, "nothing is lost when it is sent back"


def test_lines_without_money_are_not_reported() -> None:
    there = payment_in_quickbooks(AGREED, besides={"x8": ZERO}, other_lines=(replace(MEMO_LINE, amount=ZERO),))
    assert planned(row("qbo_to_lms", qbo=there)).problem is None


def test_an_invoice_that_is_about_to_reach_the_lms_is_waited_for() -> None:
    there = payment_in_quickbooks(AGREED, besides={"9": dollars(15)})
    for base in (None, AGREED):
        made = planned(row("qbo_to_lms", lms=base, base=base, qbo=there, expected_qbo_invoices=("9",)))
        assert (made.step, made.side, made.waits_for) == ("wait", "lms", RecordKey("invoice", "9"))


def test_it_is_named_by_amount_and_day_or_else_by_its_id() -> None:
    assert planner.noun(row("lms_to_qbo", lms=a_payment(90), base=AGREED)).startswith("The payment of $90.00 dated ")
    assert planner.noun(row("lms_to_qbo", base=AGREED)).startswith("The payment of $100.00 dated ")
    assert planner.noun(row("qbo_to_lms", qbo=AGREED)).startswith("The payment of $100.00 dated ")
    assert planner.noun(row("qbo_to_lms", qbo=DELETED)) == "The payment with QuickBooks id 101"


def test_the_day_that_counts_is_the_lms_s_where_it_has_one() -> None:
    later = replace(AGREED, date=DAY_AFTER)
    assert planner.dated(row("qbo_to_lms", lms=AGREED, base=AGREED, qbo=later)) == DAY
    assert planner.dated(row("qbo_to_lms", base=AGREED, qbo=later)) == DAY
    assert planner.dated(row("qbo_to_lms", qbo=later)) == DAY_AFTER
    assert planner.dated(row("qbo_to_lms", qbo=DELETED)) is None


@pytest.mark.parametrize("step", ["update", "rebase", "wait", "nothing"])
def test_only_an_update_goes_first(step: Step) -> None:
    record = row("lms_to_qbo", lms=AGREED, base=AGREED, qbo=AGREED)
    for target in (a_payment(100), None):
        record.plan = Plan(step=step, cause=Cause.CHANGED, side="qbo", target=target)
        assert planner.releases_money(record) == (step == "update" and target is not None)
    unknown = row("lms_to_qbo", by_hand=True, qbo=AGREED, payer=None)
    unknown.plan = Plan(step="update", cause=Cause.CHANGED, side="qbo", target=a_payment(100))
    assert not planner.releases_money(unknown), "nobody knows whose it is in QuickBooks"


def test_all_lines_of_a_payment_of_nobody_we_know_are_quickbooks_own() -> None:
    there = payment_in_quickbooks(a_payment(100, i1=60, i2=40))
    record = row("lms_to_qbo", by_hand=True, qbo=there, payer=None)
    assert planner.other_lines(record) == (
        OtherLine(kind="Invoice", qbo_id="q1", amount=dollars(60), linked=()),
        OtherLine(kind="Invoice", qbo_id="q2", amount=dollars(40), linked=()),
    )


@pytest.mark.parametrize(("more", "step"), [(60, "update"), (61, "fail")])
def test_more_than_is_open_to_a_payment_is_not_sent_and_its_own_part_is_open_to_it(more: int, step: Step) -> None:
    """$50.00 of it pays the invoice already, another payment the rest but $10.00."""
    own = SettledBy(kind="Payment", qbo_id="101", payment_id="101", date=DAY, amount=dollars(100), applied=dollars(50))
    there = OpenBalance(
        qbo_id="q1",
        number="1042",
        total=dollars(100),
        balance=dollars(10),
        voided=False,
        settled_by=(own, replace(own, qbo_id="102", payment_id="102", amount=dollars(40), applied=dollars(40))),
    )
    lms, agreed = a_payment(100, i1=more), a_payment(100, i1=50)
    made = planned(
        row("lms_to_qbo", lms=lms, base=agreed, qbo=agreed, over_applied={"1": there}, open_balances={"1": dollars(60)})
    )
    assert (made.step, made.side, made.target) == (step, "qbo", lms)
    if step == "fail":
        assert made.problem is not None
        assert made.problem.code == "qbo_6000"
        assert "only $60.00 of it is open in QuickBooks: it was paid by the payment of $40.00" in made.problem.message


def test_what_has_changed_alike_on_both_sides_is_agreed_on_as_quickbooks_has_it() -> None:
    """With the method that is only there."""
    record = row("lms_to_qbo", lms=a_payment(90, i1=50), base=a_payment(100, i1=50), qbo=a_payment(90, i1=50))
    record.known.method_name = "Check"
    made = planned(record)
    assert (made.step, made.cause) == ("rebase", Cause.CHANGED_ALIKE)
    assert made.target == replace(a_payment(90, i1=50), method="Check")


def test_one_linked_by_hand_of_another_day_is_taken_over_and_what_is_skipped_is_reported() -> None:
    there = payment_in_quickbooks(
        a_payment(100, i1=50, on=DAY_AFTER), other_lines=(replace(MEMO_LINE, kind="Deposit"),)
    )
    made = planned(row("qbo_to_lms", lms=a_payment(100, i1=50), by_hand=True, qbo=there))
    assert (made.step, made.side, made.cause) == ("update", "lms", Cause.LINKED_BY_HAND)
    assert made.problem is not None
    assert made.problem.code == "unsynced_application"


def test_one_that_changed_in_pilot_after_it_was_deleted_in_quickbooks_says_which_it_is() -> None:
    made = planned(row("lms_to_qbo", lms=a_payment(90), base=a_payment(100), qbo=DELETED), lab_with("lms_to_qbo"))
    assert made.problem is not None
    assert made.problem.code == "deleted_in_quickbooks"
    assert made.problem.message.startswith("The payment of $90.00 dated 06/01/2026 was changed in Pilot")


@pytest.mark.parametrize(("amount", "counts"), [("1.00", True), ("0.00", False)])
def test_a_dollar_counts_and_nothing_does_not(amount: str, counts: bool) -> None:
    there = replace(payment_in_quickbooks(a_payment(1, i1=amount)), amount=dollars(1))
    version = planner.qbo_version(row("qbo_to_lms", qbo=there))
    assert version is not None
    assert bool(version.applications) is counts
    to_come = row("qbo_to_lms", qbo=there, unsynced=(ONE,), expected_qbo_invoices=("q1",))
    assert (planned(to_come).step == "wait") is counts


def test_a_customer_linked_to_a_pair_too_is_not_that_pair_if_only_the_structure_changed() -> None:
    pair, other = RecordKey("doctor_office", "3"), RecordKey("billing_account", "9")
    payer = Payer(key=other, owner=Owner("9"), keys=(other, pair))
    record = row("qbo_to_lms", lms=replace(AGREED, customer=pair), base=AGREED, qbo=AGREED, payer=payer)
    assert planner.qbo_customer(record) == other
