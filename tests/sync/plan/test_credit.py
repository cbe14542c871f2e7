"""The plans of credits and of what they are applied to: towards QuickBooks only (rules 6 and 8)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from include.model.money import ZERO
from include.model.payment import Application, Credit, CreditApplication
from include.model.plan import Cause, Plan, Step
from include.model.record import CREDIT_ITEM, Owner, RecordKey
from include.model.settings import LabSettings
from include.model.staged import Fetched, Payer, QboCreditMemo
from include.sync.plan import credit as planner
from include.sync.plan.allocation import total_of
from include.sync.plan.credit import ApplicationContext, CreditContext, StagedApplication, StagedCredit
from tests.support.planning import (
    ACCOUNT,
    DAY,
    DAY_AFTER,
    DELETED,
    FOREIGN,
    PAYER,
    REFUSED,
    UNCONFIRMED,
    a_credit,
    a_payment,
    assert_sound,
    credit_applied,
    dollars,
    flows,
    lab_with,
    linked,
    payment_in_quickbooks,
    plan,
    staged,
)

DIRECTIONS = ("lms_to_qbo", "qbo_to_lms", "both")
AGREED = a_credit(50)
NORTH = Payer(key=RecordKey("billing_account", "2"), owner=Owner("2"))


def memo(amount: int) -> Fetched[QboCreditMemo]:
    return Fetched(
        record=QboCreditMemo(
            date=DAY, qbo_id="101", sync_token="3", amount=dollars(amount), customer_id="21", customer_name="Lakeside"
        )
    )


def credit_row(
    *,
    lms: Credit | None = None,
    base: Credit | None = None,
    qbo: Fetched[QboCreditMemo] | None = None,
    missing: tuple[RecordKey, ...] = (),
) -> StagedCredit:
    link = linked(base) if base else None
    return staged("credit", "lms_to_qbo", CreditContext(missing=missing, payer=PAYER), link=link, lms=lms, qbo=qbo)


def planned(record: StagedCredit | StagedApplication, lab: LabSettings | None = None) -> Plan[Any]:
    made = plan(record, lab or lab_with())
    assert_sound(made, record, lab or lab_with())
    return made


def code(made: Plan[Any]) -> str | None:
    return made.problem.code if made.problem else None


# ------------------------------------------------------------------ every credit


@dataclass(frozen=True, kw_only=True)
class Case:
    """A linked credit that was agreed on at $50.00."""

    lab: LabSettings
    lms: int | None
    qbo: int | str
    missing: tuple[RecordKey, ...]

    @property
    def qbo_amount(self) -> int | None:
        """None: deleted."""
        if isinstance(self.qbo, int):
            return self.qbo
        return 50 if self.qbo == "not asked" else None

    def record(self) -> StagedCredit:
        answers = {"not asked": None, "deleted": DELETED, "refused": REFUSED}
        return credit_row(
            lms=None if self.lms is None else a_credit(self.lms),
            base=AGREED,
            qbo=answers[self.qbo] if isinstance(self.qbo, str) else memo(self.qbo),
            missing=self.missing,
        )


def linked_cases() -> Iterator[Case]:
    answers: tuple[int | str, ...] = ("not asked", "deleted", "refused", 50, 70, 90)
    for of_lab, start, lms, qbo, missing in product(
        DIRECTIONS, (None, DAY_AFTER), (None, 50, 70), answers, ((), (CREDIT_ITEM,))
    ):
        yield Case(lab=lab_with(of_lab, start=start), lms=lms, qbo=qbo, missing=missing)


def expected(case: Case) -> tuple[str, Cause, str | None, str | None]:
    """Step, cause and side, and the code of what is reported with it."""
    may = flows(case.lab, "credit", "qbo", "update")
    if case.lab.connection.sync_start_date:
        return "nothing", Cause.BEFORE_START_DATE, None, None
    if case.qbo == "refused":
        return "fail", Cause.PROBLEM, "qbo", "unreadable"
    if case.lms is None and case.qbo_amount is None:
        return "unlink", Cause.DELETED_ON_BOTH_SIDES, None, None
    if case.lms is None and not may:
        return "nothing", Cause.IN_STEP, None, None
    if case.lms is None:
        return "delete", Cause.DELETED, "qbo", "conflict_deleted" if case.qbo_amount != 50 else None
    if case.qbo_amount is None and case.lms != 50:
        return "fail", Cause.PROBLEM, "qbo", "deleted_in_quickbooks"
    if case.lms == case.qbo_amount and case.lms != 50:
        return "rebase", Cause.CHANGED_ALIKE, None, None
    if case.lms == 50 or not may:
        return "nothing", Cause.IN_STEP, None, None
    if case.qbo_amount != 50:
        return "fail", Cause.PROBLEM, "qbo", "conflict_qbo_kept"
    return ("wait", Cause.REFERENCE, "qbo", None) if case.missing else ("update", Cause.CHANGED, "qbo", None)


def test_every_linked_credit_gets_the_step_that_the_rules_say() -> None:
    for case in linked_cases():
        made = planned(case.record(), case.lab)
        assert (made.step, made.cause, made.side, code(made)) == expected(case), case
        if made.step in ("update", "wait", "rebase") or code(made) == "conflict_qbo_kept":
            assert made.target == a_credit(70)
        if made.step == "wait":
            assert made.waits_for == CREDIT_ITEM
        if made.problem and made.problem.code != "unreadable":
            assert made.problem.message.startswith(planner.credit_noun(case.record()))


def test_a_credit_of_another_customer_in_quickbooks_is_left_to_people() -> None:
    """Moved in QuickBooks, from where nothing of a credit comes back (rule 9)."""
    for payer, linked_words in ((NORTH, False), (None, True)):
        record = credit_row(lms=a_credit(70), base=AGREED, qbo=memo(50))
        record.known.payer, record.known.customer_name = payer, "Lakeside in Pilot"
        made = planned(record)
        assert (made.step, made.side, made.target, code(made)) == ("fail", "qbo", a_credit(70), "customer_changed")
        assert made.problem is not None
        assert made.problem.message == (
            "The credit of $70.00 dated 06/01/2026 is for “Lakeside in Pilot” in Pilot, but for “Lakeside” in"
            " QuickBooks. Neither side was changed."
        )
        assert ("link “Lakeside”" in made.problem.resolution) is linked_words
        assert "change the customer on the credit memo in QuickBooks to “Lakeside in Pilot”" in made.problem.resolution
        assert "on the credit in Pilot." in made.problem.resolution
        assert made.problem.detail["customer_id"] == "21"


def test_a_credit_follows_its_accounts_structure_only_where_quickbooks_has_followed_it() -> None:
    pair, other = RecordKey("doctor_office", "3"), RecordKey("billing_account", "9")
    detailed, owner = replace(AGREED, customer=pair), Owner("1", "3")
    for payer, customer in (
        (None, ACCOUNT),
        (PAYER, ACCOUNT),
        (NORTH, ACCOUNT),
        (Payer(key=pair, owner=owner), pair),
        (Payer(key=pair, owner=owner, keys=(pair, ACCOUNT)), ACCOUNT),
        (Payer(key=other, owner=owner, keys=(other, pair)), pair),
    ):
        record = credit_row(lms=detailed, base=AGREED, qbo=memo(50))
        record.known.payer = payer
        assert planner.lms_version(record) == replace(detailed, customer=customer), payer
    assert planner.lms_version(credit_row(lms=detailed)) == detailed


def test_a_credit_that_is_only_another_pairs_in_the_lms_is_agreed_on_again() -> None:
    """Both are billed to the same customer: QuickBooks knows no pairs of a combined account."""
    moved = replace(AGREED, owner=Owner("1", "7"))
    made = planned(credit_row(lms=moved, base=AGREED))
    assert (made.step, made.cause, made.side) == ("rebase", Cause.CHANGED_ALIKE, None)
    assert made.target == replace(AGREED, owner=moved.owner)


def test_a_credit_linked_by_hand_counts_as_what_is_there() -> None:
    by_hand = credit_row(lms=AGREED, qbo=memo(70))
    by_hand.link = linked(None)
    made = planned(by_hand)
    assert (made.step, made.cause, code(made)) == ("nothing", Cause.IN_STEP, None), "what was there is agreed on"
    gone = credit_row(qbo=DELETED)
    gone.link = linked(None)
    assert (planned(gone).step, planned(gone).cause) == ("unlink", Cause.DELETED_ON_BOTH_SIDES)
    only_there = credit_row(qbo=memo(70))
    only_there.link = linked(None)
    assert (planned(only_there).step, planned(only_there).cause) == ("delete", Cause.DELETED)


def test_nothing_is_done_about_a_credit_that_does_not_flow_and_why_is_said() -> None:
    assert planned(credit_row(lms=AGREED), lab_with("qbo_to_lms")).cause == Cause.DIRECTION
    assert planned(credit_row()).cause == Cause.NEVER_SYNCED


def test_every_new_credit_gets_the_step_that_the_rules_say() -> None:
    for lms, missing, of_lab, start, closed, unconfirmed, foreign in product(
        (None, AGREED),
        ((), (ACCOUNT, CREDIT_ITEM)),
        DIRECTIONS,
        (None, DAY, DAY_AFTER),
        (None, DAY),
        (None, UNCONFIRMED),
        (None, FOREIGN),
    ):
        record = credit_row(lms=lms, missing=missing)
        record.known.unconfirmed, record.known.foreign_customer = unconfirmed, foreign
        made = planned(record, lab_with(of_lab, start=start, closed=closed))
        if lms is None or start == DAY_AFTER or of_lab == "qbo_to_lms":
            assert made.step == "nothing"
        elif missing:
            assert (made.step, made.cause, made.side, made.waits_for) == ("wait", Cause.REFERENCE, "qbo", ACCOUNT)
            assert made.target == lms
        elif foreign:
            assert code(made) == "foreign_currency"
        elif unconfirmed:
            assert (made.step, made.cause) == ("adopt", Cause.UNCONFIRMED_CREATE)
        elif closed:
            assert code(made) == "books_closed"
        else:
            assert (made.step, made.cause, made.side, made.target) == ("create", Cause.NEW, "qbo", lms)


def test_a_conflict_keeps_both_amounts() -> None:
    made = planned(credit_row(lms=a_credit(70), base=AGREED, qbo=memo(90)))
    assert made.problem is not None
    assert made.problem.detail == {"lost": "lms", "lms": {"amount": dollars(70)}, "qbo": {"amount": dollars(90)}}
    deleted = planned(credit_row(base=AGREED, qbo=memo(90)))
    assert deleted.problem is not None
    assert deleted.problem.detail == {"lost": "qbo", "lms": None, "qbo": {"amount": dollars(90)}}


def test_quickbooks_is_asked_only_about_a_credit_that_changed_in_the_lms() -> None:
    assert planner.credit_needs_quickbooks(credit_row(lms=a_credit(70), base=AGREED))
    assert planner.credit_needs_quickbooks(credit_row(base=AGREED))
    assert not planner.credit_needs_quickbooks(credit_row(lms=AGREED, base=AGREED))
    assert not planner.credit_needs_quickbooks(credit_row(lms=AGREED))


def test_it_is_named_by_amount_and_day() -> None:
    assert planner.credit_noun(credit_row(lms=a_credit(70), base=AGREED)).startswith("The credit of $70.00 dated ")
    assert planner.credit_noun(credit_row(base=AGREED)).startswith("The credit of $50.00 dated ")
    assert planner.credit_noun(credit_row()) == "The credit"


# ------------------------------------------------------------------ every application of a credit

ONE, TWO, THREE = (RecordKey("invoice", str(n)) for n in (1, 2, 3))


def application_row(
    *,
    lms: CreditApplication | None = None,
    base: CreditApplication | None = None,
    qbo: str = "not asked",
    synced: tuple[RecordKey, ...] = (ONE, TWO, THREE),
    expected_ones: tuple[RecordKey, ...] = (),
    missing: tuple[RecordKey, ...] = (),
    open_balances: dict[str, Decimal] | None = None,
) -> StagedApplication:
    answers = {
        "not asked": None,
        "deleted": DELETED,
        "refused": REFUSED,
        "there": Fetched(record=payment_in_quickbooks(a_payment(0))),
    }
    own = [one.invoice for one in lms.applications] if lms else []
    context = ApplicationContext(
        missing=missing,
        synced_invoices=tuple(key for key in own if key in synced),
        expected_invoices=tuple(key for key in own if key in expected_ones),
        open_balances=open_balances or {},
    )
    link = linked(base) if base else None
    return staged("credit_application", "lms_to_qbo", context, link=link, lms=lms, qbo=answers[qbo])


def test_every_application_has_a_sound_plan_with_no_money_made_or_lost() -> None:
    versions = (None, credit_applied(i1=30), credit_applied(i1=20, i2=10), credit_applied(i3=30))
    everything = (ONE, TWO, THREE)
    for base, lms, qbo, synced, expected_ones, missing, room, of_lab, start in product(
        versions,
        versions,
        ("not asked", "deleted", "refused", "there"),
        (everything, (ONE,), ()),
        ((), everything),
        ((), (ACCOUNT,)),
        ({}, {"1": dollars(100), "2": dollars(100), "3": dollars(100)}),
        DIRECTIONS,
        (None, DAY_AFTER),
    ):
        if base is None and qbo != "not asked":
            continue  # nobody knows under which id to ask
        waiting = tuple(key for key in expected_ones if key not in synced)
        record = application_row(
            lms=lms, base=base, qbo=qbo, synced=synced, expected_ones=waiting, missing=missing, open_balances=room
        )
        made = planned(record, lab_with(of_lab, start=start))
        if of_lab == "qbo_to_lms":
            assert made.step in ("nothing", "wait", "unlink", "fail")
        if made.target is not None:
            assert lms is not None
            amounts = {one.invoice: one.amount for one in lms.applications}
            for one in made.target.applications:
                assert one.amount <= amounts[one.invoice], "more than the LMS applies"
                assert made.step == "wait" or one.invoice in synced, "an invoice that QuickBooks does not have"
            if made.step in ("create", "update") and not made.waits_for:
                assert total_of(made.target.applications) == sum(
                    (one.amount for one in lms.applications if one.invoice in synced), ZERO
                )
        if made.step == "delete":
            assert base is not None
            assert qbo != "deleted"
        if made.waits_for and made.step != "wait":
            assert lms is not None
            later = {one.invoice for one in lms.applications}
            assert made.waits_for in later, "for the rest of what it is applied to"


def test_an_application_to_an_invoice_that_is_not_synced_yet_waits_for_it() -> None:
    both = credit_applied(i1=20, i2=10)
    made = planned(application_row(lms=both, synced=(ONE,), expected_ones=(TWO,)))
    assert (made.step, made.target, made.waits_for) == ("create", credit_applied(i1=20), TWO)
    none_yet = planned(application_row(lms=both, synced=(), expected_ones=(ONE, TWO)))
    assert (none_yet.step, none_yet.waits_for) == ("wait", ONE)
    never = planned(application_row(lms=both, synced=()))
    assert never.step == "nothing", "no invoice of it will ever be there"


def test_it_waits_for_credit_and_customer() -> None:
    made = planned(application_row(lms=credit_applied(i1=20), missing=(RecordKey("credit", "1"), ACCOUNT)))
    assert (made.step, made.waits_for) == ("wait", RecordKey("credit", "1"))


def test_what_somebody_deleted_in_quickbooks_is_made_again_only_when_needed() -> None:
    agreed = credit_applied(i1=30)
    again = planned(application_row(lms=credit_applied(i1=20), base=agreed, qbo="deleted"))
    assert (again.step, again.target) == ("create", credit_applied(i1=20))
    assert planned(application_row(base=agreed, qbo="deleted")).step == "unlink"
    unchanged = application_row(lms=agreed, base=agreed)
    assert not planner.application_needs_quickbooks(unchanged)
    assert planned(unchanged).step == "nothing"


def test_a_credit_that_moves_releases_first_and_takes_the_rest_later() -> None:
    agreed = credit_applied(i1=20, i2=10)
    moved = credit_applied(i1=10, i3=20)
    made = planned(application_row(lms=moved, base=agreed, qbo="there"))
    assert (made.step, made.target, made.waits_for) == ("update", credit_applied(i1=10), THREE)
    all_of_it = planned(application_row(lms=credit_applied(i3=30), base=agreed, qbo="there"))
    assert (all_of_it.step, all_of_it.waits_for) == ("delete", THREE)
    room = {"3": dollars(20)}
    at_once = planned(application_row(lms=moved, base=agreed, qbo="there", open_balances=room))
    assert (at_once.step, at_once.target, at_once.waits_for) == ("update", moved, None)


@pytest.mark.parametrize(
    ("after", "releases"),
    [
        (credit_applied(i1=10), True),
        (credit_applied(i1=20), True),
        (credit_applied(i1=20, i2=10), False),
        (credit_applied(i1=40), False),
        (None, True),
    ],
)
def test_what_takes_money_off_invoices_goes_before_the_credit_memo(
    after: CreditApplication | None, releases: bool
) -> None:
    record = application_row(lms=after, base=credit_applied(i1=20, i2=10), qbo="there")
    record.known.open_balances = {"1": dollars(100)}
    record.plan = plan(record, lab_with())
    assert planner.releases_money(record) == releases


def test_quickbooks_is_asked_only_where_what_can_be_there_has_changed() -> None:
    agreed = credit_applied(i1=30)
    assert planner.application_needs_quickbooks(application_row(lms=credit_applied(i1=20), base=agreed))
    assert planner.application_needs_quickbooks(application_row(base=agreed))
    with_another = replace(agreed, applications=(*agreed.applications, Application(invoice=TWO, amount=dollars(5))))
    assert not planner.application_needs_quickbooks(application_row(lms=with_another, base=agreed, synced=(ONE,)))
    assert not planner.application_needs_quickbooks(application_row(lms=agreed))


@pytest.mark.parametrize("step", ["update", "rebase", "wait", "nothing"])
def test_only_an_update_that_takes_money_off_goes_first(step: Step) -> None:
    base = credit_applied(i1=20, i2=10)
    record = application_row(lms=base, base=base, qbo="there")
    for target, less in ((credit_applied(i1=20), True), (credit_applied(i1=10, i2=20), False), (None, False)):
        record.plan = Plan(step=step, cause=Cause.CHANGED, side="qbo", target=target)
        assert planner.releases_money(record) == (less and step == "update")
    new = application_row(lms=base)
    new.plan = Plan(step="create", cause=Cause.NEW, side="qbo", target=base)
    assert not planner.releases_money(new)
    by_hand = application_row(lms=base, qbo="there")
    by_hand.link = linked(None)
    by_hand.plan = Plan(step="update", cause=Cause.CHANGED, side="qbo", target=credit_applied(i1=5))
    assert not planner.releases_money(by_hand), "nothing was agreed on"


def test_an_application_that_may_not_flow_is_left_by_the_direction() -> None:
    lms = credit_applied(i1=30)
    assert planned(application_row(lms=lms), lab_with("qbo_to_lms")).cause is Cause.DIRECTION
    assert planned(application_row()).cause is Cause.NEVER_SYNCED
    assert planner.applied_noun(lms) == "The applied credit of $30.00 dated 06/01/2026"
    assert planner.applied_noun(None) == "The applied credit"


def test_money_that_moves_waits_for_an_invoice_that_is_still_to_come_before_its_own() -> None:
    """It leaves invoice 1 now; invoice 3 has no room yet, and invoice 2 is not in QuickBooks."""
    record = application_row(
        lms=credit_applied(i2=10, i3=20),
        base=credit_applied(i1=30),
        qbo="there",
        synced=(ONE, THREE),
        expected_ones=(TWO,),
        open_balances={"3": ZERO},
    )
    record.qbo = Fetched(record=payment_in_quickbooks(a_payment(0, i1=30)))
    record.known.invoice_ids = {"q1": "1"}
    assert planned(record).waits_for == TWO


def test_a_dollar_that_quickbooks_applies_counts_and_nothing_does_not() -> None:
    for amount, there in (("1.00", credit_applied(i1=1).applications), ("0.00", ())):
        record = application_row(lms=credit_applied(i1=1))
        record.qbo = Fetched(record=payment_in_quickbooks(a_payment(0, i1=amount)))
        record.known.invoice_ids = {"q1": "1"}
        assert planner.applied_in_quickbooks(record) == there
