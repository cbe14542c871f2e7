"""Each guard alone, all of them in their order, and many deletes at once."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.model import typed_json
from include.model.invoice import Invoice
from include.model.plan import WRITES, Cause, Match, Plan, Step, fail, nothing
from include.model.problem import Problem
from include.model.record import Direction, RecordKey, Side
from include.model.settings import MassDeleteLimit
from include.model.staged import Context, Fetched, LeftAlone
from include.sync.plan import guards
from include.sync.plan.guards import Subject, deletes_or_voids, guarded, hold, many_at_once
from tests.support.planning import (
    DAY,
    DAY_AFTER,
    DAY_BEFORE,
    DELETED,
    FOREIGN,
    REFUSED,
    REFUSED_LOOKUP,
    UNCONFIRMED,
    Row,
    lab_with,
    linked,
    staged,
)

STEPS: tuple[Step, ...] = get_args(Step)
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
SUBJECT = Subject(noun="Invoice 1042", dated=DAY)
AS_SENT = Invoice(
    number="1042", date=DAY, customer=RecordKey("billing_account", "1"), lines=(), total=Decimal("100.00")
)
PROBLEM = Problem(code="name_taken", message="", resolution="")


def row(direction: Direction = "lms_to_qbo", qbo: Fetched[Any] | None = None, **context: Any) -> Row:
    return staged("invoice", direction, Context(**context), qbo=qbo, link=linked(None))


def made(step: Step, side: Side = "qbo") -> Plan[Any]:
    """A plan of each step that a planner may make."""
    if step == "fail":
        return fail(PROBLEM, side, "target")
    if step == "nothing":
        return nothing(Cause.IN_STEP)
    target = "target" if step in ("create", "update", "adopt", "rebase", "wait") else None
    match = Match(id="7") if step == "adopt" else None
    return Plan(step=step, cause=Cause.NEW, side=side, target=target, match=match)


@pytest.mark.parametrize("step", STEPS)
def test_a_plan_that_nothing_stands_in_the_way_of_goes_on_as_it_is(step: Step) -> None:
    for direction, side in product(DIRECTIONS, get_args(Side)):
        plan = made(step, side)
        for answer in (None, DELETED, Fetched(record="there")):
            subject = replace(SUBJECT, currency="USD")
            assert guarded(plan, row(direction, answer), subject, lab_with()) is plan


# ------------------------------------------------------------------ each alone


@pytest.mark.parametrize("step", STEPS)
def test_what_nobody_can_read_fails_whatever_was_planned(step: Step) -> None:
    for direction, side in (("lms_to_qbo", "qbo"), ("qbo_to_lms", "lms")):
        after = guards.unreadable(made(step), row(direction, REFUSED), SUBJECT, lab_with())  # type: ignore[arg-type]
        assert (after.step, after.side, after.target) == ("fail", side, None)
        assert after.problem is not None
        assert (after.problem.code, after.problem.detail) == ("unreadable", REFUSED.refused)
        assert after.problem.message.startswith("Invoice 1042 ")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("side", get_args(Side))
def test_what_is_dated_before_the_start_date_is_left_alone_whatever_was_planned(step: Step, side: Side) -> None:
    for direction in DIRECTIONS:
        after = guards.start_date(made(step, side), row(direction), SUBJECT, lab_with(start=DAY_AFTER))
        assert after == nothing(Cause.BEFORE_START_DATE)


@pytest.mark.parametrize("step", STEPS)
def test_on_the_start_date_after_it_and_without_one_it_syncs(step: Step) -> None:
    plan = made(step)
    for start in (None, DAY, DAY_BEFORE):
        assert guards.start_date(plan, row(), SUBJECT, lab_with(start=start)) is plan
    assert guards.start_date(plan, row(), Subject(noun="Customer"), lab_with(start=DAY_AFTER)) is plan


@pytest.mark.parametrize("step", STEPS)
def test_what_cannot_be_looked_up_is_neither_created_nor_adopted(step: Step) -> None:
    plan = made(step)
    after = guards.refused_lookup(plan, row(refused_lookup=REFUSED_LOOKUP), SUBJECT, lab_with())
    if step in ("create", "adopt", "fail"):
        assert (after.step, after.side, after.target) == ("fail", "qbo", plan.target)
        assert after.problem is not None
        assert after.problem.code == "lookup_refused"
        assert "“1042”" in after.problem.message
    else:
        assert after is plan
    assert guards.refused_lookup(plan, row(), SUBJECT, lab_with()) is plan


@pytest.mark.parametrize("step", STEPS)
def test_what_an_unconfirmed_create_made_is_adopted_instead_of_made_again(step: Step) -> None:
    plan = made(step)
    after = guards.unconfirmed_create(plan, row(unconfirmed=UNCONFIRMED), SUBJECT, lab_with())
    if step == "create":
        assert (after.step, after.side, after.cause) == ("adopt", "qbo", Cause.UNCONFIRMED_CREATE)
        assert after.match == Match(id="501", sync_token="3")
        assert after.target == plan.target
    else:
        assert after is plan
    assert guards.unconfirmed_create(plan, row(), SUBJECT, lab_with()) is plan


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("now", [AS_SENT, replace(AS_SENT, number="1043")])
def test_what_is_found_as_it_was_sent_is_adopted_whatever_has_become_of_it(step: Step, now: Invoice) -> None:
    record = row(unconfirmed=UNCONFIRMED, unconfirmed_base=typed_json.plain(AS_SENT))
    plan = replace(made(step), target=now)
    after = guards.unconfirmed_create(plan, record, SUBJECT, lab_with())
    assert (after.step, after.side, after.cause) == ("adopt", "qbo", Cause.UNCONFIRMED_CREATE)
    assert (after.match, after.target) == (Match(id="501", sync_token="3"), AS_SENT)
    is_the_same = step == "create" and now == AS_SENT
    assert after.plan_again == (not is_the_same), "what has changed since goes after"
    in_euros = replace(record, context=replace(record.known, foreign_customer=FOREIGN))
    assert guards.foreign_currency(after, in_euros, SUBJECT, lab_with()).step == ("fail" if is_the_same else "adopt")


def test_an_unconfirmed_create_says_nothing_of_a_create_in_the_lms() -> None:
    plan = made("create", "lms")
    assert guards.unconfirmed_create(plan, row("qbo_to_lms", unconfirmed=UNCONFIRMED), SUBJECT, lab_with()) is plan


@pytest.mark.parametrize("step", STEPS)
def test_nothing_is_sent_to_a_customer_of_another_currency_but_a_delete(step: Step) -> None:
    plan = made(step)
    after = guards.foreign_currency(plan, row(foreign_customer=FOREIGN), SUBJECT, lab_with())
    if step in ("create", "update", "adopt", "rebase"):
        assert (after.step, after.side, after.target) == ("fail", "qbo", plan.target)
        assert after.problem is not None
        assert after.problem.code == "foreign_currency"
    else:
        assert after is plan


@pytest.mark.parametrize("step", STEPS)
def test_nothing_of_another_currency_is_brought_into_the_lms_but_a_delete(step: Step) -> None:
    plan, foreign = made(step, "lms"), replace(SUBJECT, currency="EUR")
    after = guards.foreign_currency(plan, row("qbo_to_lms"), foreign, lab_with())
    if step in ("create", "update", "adopt", "rebase", "fail"):
        assert (after.step, after.side) == ("fail", "lms")
        assert after.problem is not None
        assert after.problem.detail == {"currency": "EUR", "home_currency": "USD"}
    else:
        assert after is plan


@pytest.mark.parametrize("step", STEPS)
def test_a_plan_of_the_other_side_is_checked_by_that_sides_run(step: Step) -> None:
    plan = replace(made(step), side="lms")
    assert guards.foreign_currency(plan, row(foreign_customer=FOREIGN), SUBJECT, lab_with()) is plan
    plan, foreign = replace(made(step), side="qbo"), replace(SUBJECT, currency="EUR")
    assert guards.foreign_currency(plan, row("qbo_to_lms"), foreign, lab_with()) is plan


@pytest.mark.parametrize("step", STEPS)
def test_the_companys_own_currency_is_not_foreign_nor_is_any_where_it_has_none(step: Step) -> None:
    plan = made(step, "lms")
    for currency, home in (("USD", "USD"), (None, "USD"), ("EUR", None)):
        subject = replace(SUBJECT, currency=currency)
        assert guards.foreign_currency(plan, row("qbo_to_lms"), subject, lab_with(home=home)) is plan


#: The days of a transaction in the LMS and, if it was asked, in QuickBooks, and the one of 06/01 at the latest.
DAYS: tuple[tuple[date | None, date | None, date | None], ...] = (
    (DAY, None, DAY),
    (DAY, DAY_AFTER, DAY),
    (DAY_AFTER, DAY, DAY),
    (DAY_BEFORE, DAY, DAY),  # QuickBooks' own day is the one that is told
    (DAY_AFTER, None, None),
    (DAY_AFTER, DAY_AFTER, None),
    (None, None, None),  # customers and items
)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("in_lms", "in_quickbooks", "closed_day"), DAYS)
def test_nothing_is_written_to_closed_books_the_closing_day_included(
    step: Step, in_lms: date | None, in_quickbooks: date | None, closed_day: date | None
) -> None:
    subject = replace(SUBJECT, dated=in_lms, dated_in_quickbooks=in_quickbooks)
    plan = made(step)
    after = guards.closed_books(plan, row(), subject, lab_with(closed=DAY))
    if step in WRITES and closed_day:
        assert (after.step, after.side, after.target) == ("fail", "qbo", plan.target)
        assert after.problem is not None
        days = {"book_close_date": DAY.isoformat(), "dated": closed_day.isoformat()}
        assert (after.problem.code, after.problem.detail) == ("books_closed", days)
        assert after.problem.message.startswith("Invoice 1042 was not ")
        assert f"dated {closed_day:%m/%d/%Y}, and" in after.problem.message
    else:
        assert after is plan
    assert guards.closed_books(plan, row(), subject, lab_with()) is plan


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("side", get_args(Side))
def test_what_comes_from_quickbooks_is_in_its_books_already(step: Step, side: Side) -> None:
    """Also what that run finds to be done in QuickBooks: the run to there sees to it."""
    plan = made(step, side)
    assert guards.closed_books(plan, row("qbo_to_lms"), SUBJECT, lab_with(closed=DAY)) is plan
    assert guards.closed_books(made(step, "lms"), row(), SUBJECT, lab_with(closed=DAY)).step == step


UNTIL = datetime(2026, 6, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize("step", STEPS)
def test_a_new_invoice_that_is_held_waits_until_its_time_whatever_was_planned(step: Step) -> None:
    """Neither created nor adopted, and no error that nobody can do anything about yet."""
    plan = replace(made(step), waits_for=RecordKey("product", "7"))
    new = replace(row(held_until=UNTIL), link=None)
    after = guards.held(plan, new, SUBJECT, lab_with())
    if step == "nothing":  # it does not flow at all
        assert after is plan
    else:
        assert (after.step, after.cause, after.side, after.wait_until) == ("wait", Cause.HELD, "qbo", UNTIL)
        assert (after.target, after.waits_for, after.problem) == (plan.target, None, None)
    for not_held in (
        replace(row(), link=None),
        row(held_until=UNTIL),  # linked: only the first create waits
        replace(row(held_until=UNTIL, unconfirmed=UNCONFIRMED), link=None),  # it is in QuickBooks already
    ):
        assert guards.held(plan, not_held, SUBJECT, lab_with()) is plan


# ------------------------------------------------------------------ their order


def test_while_it_is_held_neither_closed_books_nor_a_refused_lookup_is_told() -> None:
    new = replace(row(held_until=UNTIL, refused_lookup=REFUSED_LOOKUP, foreign_customer=FOREIGN), link=None)
    assert guarded(made("create"), new, SUBJECT, lab_with(closed=DAY)).cause is Cause.HELD
    assert guarded(made("create"), new, SUBJECT, lab_with(start=DAY_AFTER)) == nothing(Cause.BEFORE_START_DATE)


def test_before_the_start_date_nothing_else_matters() -> None:
    blocked = row(qbo=REFUSED, refused_lookup=REFUSED_LOOKUP, unconfirmed=UNCONFIRMED, foreign_customer=FOREIGN)
    for step in STEPS:
        after = guarded(made(step), blocked, SUBJECT, lab_with(start=DAY_AFTER, closed=DAY))
        assert after == nothing(Cause.BEFORE_START_DATE)


def test_what_an_unconfirmed_create_made_is_adopted_in_closed_books_too() -> None:
    after = guarded(made("create"), row(unconfirmed=UNCONFIRMED), SUBJECT, lab_with(closed=DAY))
    assert after.step == "adopt"


def test_what_cannot_be_looked_up_is_not_taken_for_what_an_unconfirmed_create_made() -> None:
    record = row(unconfirmed=UNCONFIRMED, refused_lookup=REFUSED_LOOKUP)
    after = guarded(made("create"), record, SUBJECT, lab_with())
    assert after.problem is not None
    assert after.problem.code == "lookup_refused"


def test_an_adopted_one_has_no_foreign_customer_either() -> None:
    after = guarded(made("create"), row(unconfirmed=UNCONFIRMED, foreign_customer=FOREIGN), SUBJECT, lab_with())
    assert after.problem is not None
    assert after.problem.code == "foreign_currency"


# ------------------------------------------------------------------ many at once

DELETE: Plan[Any] = Plan(step="delete", cause=Cause.DELETED, side="qbo")
VOID: Plan[Any] = Plan(step="update", cause=Cause.VOIDED, side="lms", target="target")
UPDATE: Plan[Any] = Plan(step="update", cause=Cause.CHANGED, side="lms", target="target")
LIMIT = MassDeleteLimit()


def test_a_delete_and_a_void_count_and_nothing_else_does() -> None:
    assert deletes_or_voids(DELETE)
    assert deletes_or_voids(VOID)
    assert not deletes_or_voids(replace(VOID, step="wait"))
    for step, cause in product(STEPS, Cause):
        if step != "delete" and (step, cause) != ("update", Cause.VOIDED):
            assert not deletes_or_voids(Plan(step=step, cause=cause))


def count_of(deletes: int, voids: int = 0, held: int = 0, linked_ones: int = 0) -> int | None:
    """The count that is held of a lab's invoices; None: they may be deleted."""
    plans = [("invoice", 1, DELETE)] * deletes + [("invoice", 1, VOID)] * voids + [("invoice", 1, UPDATE)] * 30
    return many_at_once(
        plans,  # type: ignore[arg-type]  # "invoice" is an entity
        {("invoice", 1): linked_ones},
        {("invoice", 1): held},
        LIMIT,
    ).get(("invoice", 1))


def test_fewer_than_twenty_may_always_be_deleted_and_twenty_may_not() -> None:
    assert count_of(19) is None
    assert count_of(20) == 20
    assert count_of(10, voids=9) is None
    assert count_of(10, voids=10) == 20


def test_of_many_a_tenth_may_be_deleted_and_one_more_may_not() -> None:
    assert count_of(100, linked_ones=1000) is None
    assert count_of(101, linked_ones=1000) == 101


def test_those_that_are_held_already_count_too() -> None:
    assert count_of(1, held=19) == 20
    assert count_of(1, held=18) is None
    assert count_of(0, held=500) is None, "nothing of this run is to be held"


def test_each_kind_and_each_lab_counts_for_itself() -> None:
    plans: list[Any] = [("invoice", lab, DELETE) for lab in (1, 2, None) for _ in range(19)]
    plans += [("payment", 1, DELETE)] * 19
    assert many_at_once(plans, {}, {}, LIMIT) == {}
    too_many = many_at_once([*plans, ("invoice", 2, DELETE)], {}, {}, LIMIT)
    assert too_many == {("invoice", 2): 20}
    assert many_at_once([*plans, ("invoice", None, DELETE)], {}, {}, LIMIT) == {("invoice", None): 20}


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300), st.integers(0, 3000))
def test_too_many_is_more_than_both_limits(deletes: int, voids: int, held: int, linked_ones: int) -> None:
    count = deletes + voids + held
    too_many = bool(deletes + voids) and count >= 20 and count * 10 > linked_ones
    assert count_of(deletes, voids, held, linked_ones) == (count if too_many else None)


def test_one_of_too_many_waits_for_a_person_and_for_nothing_else() -> None:
    for plan in (DELETE, VOID, replace(DELETE, problem=PROBLEM, waits_for=RecordKey("invoice", "5"))):
        held = hold(plan)
        assert (held.step, held.cause, held.side) == ("wait", Cause.MANY_AT_ONCE, plan.side)
        assert held.problem is None, "nothing was lost yet"
        assert held.waits_for is None, "it would go on by itself once that is linked"
        assert not deletes_or_voids(held)


# ------------------------------------------------------------------ left alone until somebody asks


def test_what_is_left_alone_is_left_alone_whatever_was_planned_and_whatever_else_stands_in_the_way() -> None:
    alone = row(qbo=REFUSED, refused_lookup=REFUSED_LOOKUP, left_alone=LeftAlone())
    for step in STEPS:
        after = guarded(made(step), alone, SUBJECT, lab_with(start=DAY_AFTER, closed=DAY))
        assert after == nothing(Cause.LEFT_ALONE)


@pytest.mark.parametrize("gone_from", get_args(Side))
def test_a_refused_delete_or_void_stays_refused_until_the_record_is_back(gone_from: Side) -> None:
    def alone(there: str | None) -> Row:
        found = row(
            qbo=Fetched(record=there if gone_from == "qbo" else "there"), left_alone=LeftAlone(gone_from=gone_from)
        )
        found.lms = there if gone_from == "lms" else "there"
        return found

    for plan in (DELETE, VOID, made("create"), UPDATE):
        assert guarded(plan, alone(None), SUBJECT, lab_with()) == nothing(Cause.LEFT_ALONE)
    for plan in (DELETE, VOID):
        assert guarded(plan, alone("voided"), SUBJECT, lab_with()) == nothing(Cause.LEFT_ALONE)
    assert guarded(UPDATE, alone("there again"), SUBJECT, lab_with()) is UPDATE
    unlink = made("unlink")
    assert guarded(unlink, alone(None), SUBJECT, lab_with()) is unlink, "now it is gone on both sides"
