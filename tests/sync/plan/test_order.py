"""Who goes first within a run, and which numbers are free by then (rule 8.5)."""

from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from include.model.plan import Cause, Plan, Step
from include.model.record import RecordKey
from include.model.staged import Fetched, LmsInvoice
from include.sync.plan.invoice import InvoiceContext, NumberMatch, StagedInvoice
from include.sync.plan.order import ignore_leaving, in_write_order
from tests.support.planning import (
    ITEMS,
    PAYER,
    Row,
    an_invoice,
    dollars,
    invoice_in_quickbooks,
    lab_with,
    linked,
    number_match,
    plan,
    staged,
)

STEPS: tuple[Step, ...] = get_args(Step)


def with_step(step: Step, number: int) -> Row:
    record = staged("invoice", "qbo_to_lms", InvoiceContext())
    record.record_id, record.plan = str(number), Plan(step=step, cause=Cause.NEW)
    return record


def test_deletes_go_before_updates_and_updates_before_creates() -> None:
    steps: list[Step] = ["create", "wait", "adopt", "update", "nothing", "rebase", "unlink", "fail", "delete"]
    ordered = in_write_order([with_step(step, n) for n, step in enumerate(steps)])
    written = [record.planned.step for record in ordered]
    assert written == ["delete", "unlink", "update", "rebase", "adopt", "create", "wait", "nothing", "fail"]


@given(st.lists(st.sampled_from(STEPS), max_size=12))
def test_none_is_lost_and_those_of_one_step_stay_as_they_stood(steps: list[Step]) -> None:
    records = [with_step(step, n) for n, step in enumerate(steps)]
    ordered = in_write_order(iter(records))
    assert sorted(record.record_id for record in ordered) == sorted(record.record_id for record in records)
    for step in STEPS:
        of_step = [int(record.record_id) for record in ordered if record.planned.step == step]
        assert of_step == sorted(of_step)
    frees = [n for n, record in enumerate(ordered) if record.planned.step in ("delete", "unlink")]
    takes = [n for n, record in enumerate(ordered) if record.planned.step in ("create", "adopt")]
    assert max(frees, default=-1) < min(takes, default=len(ordered))


# ------------------------------------------------------------------ a number that is freed in the same run


def new_in_quickbooks(*matches: NumberMatch) -> StagedInvoice:
    context = InvoiceContext(payer=PAYER, items=ITEMS, lms_number_matches=matches)
    record = staged(
        "invoice", "qbo_to_lms", context, qbo=Fetched(record=invoice_in_quickbooks(an_invoice(), qbo_id="102"))
    )
    record.record_id = "102"
    return record


def deleted_in_quickbooks() -> StagedInvoice:
    return staged(
        "invoice",
        "qbo_to_lms",
        InvoiceContext(),
        link=linked(an_invoice()),
        lms=LmsInvoice(invoice=an_invoice(), billing_lab_id=1, balance=dollars(100)),
        qbo=Fetched(),
    )


def test_a_number_that_is_freed_in_this_run_is_taken_in_this_run() -> None:
    lab, new, old = lab_with(), new_in_quickbooks(number_match("1", is_linked=True, total=999)), deleted_in_quickbooks()
    plans = [plan(new, lab), plan(old, lab)]
    assert plans[0].problem is not None
    assert plans[0].problem.code == "number_taken"
    assert (plans[1].step, plans[1].side) == ("delete", "lms")
    assert ignore_leaving([new, old], plans) == [new]
    new.plan, old.plan = plan(new, lab), plans[1]
    assert (new.planned.step, new.planned.side) == ("create", "lms")
    assert new.planned.target is not None
    assert new.planned.target.number == "1042"
    assert in_write_order([new, old]) == [old, new]


def test_a_number_whose_invoice_stays_is_still_taken() -> None:
    lab, new, old = (
        lab_with(),
        new_in_quickbooks(number_match("1", is_linked=True, total=999), number_match("5", is_linked=True, total=999)),
        deleted_in_quickbooks(),
    )
    assert ignore_leaving([new, old], [plan(new, lab), plan(old, lab)]) == [new]
    assert [one.lms_id for one in new.known.lms_number_matches] == ["5"]
    assert plan(new, lab).step == "fail"


def test_only_a_delete_in_the_lms_frees_a_number_there() -> None:
    key = RecordKey("invoice", "9")
    for step in STEPS:
        for side in ("lms", "qbo", None):
            new, old = new_in_quickbooks(number_match("1", is_linked=True, total=999)), deleted_in_quickbooks()
            plans: list[Plan[Any]] = [
                Plan(step="fail", cause=Cause.PROBLEM, side="lms"),
                Plan(step=step, cause=Cause.DELETED, side=side, waits_for=key),
            ]
            again = ignore_leaving([new, old], plans)
            assert bool(again) == (step == "delete" and side == "lms")
            assert bool(new.known.lms_number_matches) != bool(again)
