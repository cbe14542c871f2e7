"""Who bears a name in QuickBooks: adopted, a name conflict, or nobody (rule 2)."""

from dataclasses import replace
from itertools import product

import pytest

from include.model.plan import Cause, Match, Plan
from include.model.staged import NamedRecord
from include.sync.plan.names import create_or_adopt

FREE = NamedRecord(kind="Customer", qbo_id="5", sync_token="2", name="Lakeside", active=True)


def named(
    *bearers: NamedRecord, noun: str = "customer", home: str | None = "USD", parent: str | None = None
) -> Plan[str]:
    return create_or_adopt("target", "Lakeside", noun, bearers, home, parent)


def test_a_name_that_nobody_bears_is_created() -> None:
    assert named() == Plan(step="create", cause=Cause.NEW, side="qbo", target="target")


def test_the_one_free_customer_of_the_name_is_adopted_with_its_version() -> None:
    plan = named(FREE)
    assert (plan.step, plan.cause, plan.side, plan.target) == ("adopt", Cause.MATCH, "qbo", "target")
    assert plan.match == Match(id="5", sync_token="2")


@pytest.mark.parametrize(
    ("bearer", "words"),
    [
        (replace(FREE, kind="Vendor"), "a vendor"),
        (replace(FREE, kind="Employee"), "an employee"),
        (replace(FREE, active=False), "an inactive customer"),
        (replace(FREE, linked=True), "a customer that is linked to another Pilot record"),
        (replace(FREE, parent_id="9"), "a sub-customer of another customer"),
        (replace(FREE, kind="Item", usable=False), "a product or service that cannot be sold (such as a category)"),
        (replace(FREE, kind="Item", active=False), "an inactive product or service"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_name_that_another_bears_is_a_conflict_that_says_whose_it_is(bearer: NamedRecord, words: str) -> None:
    plan = named(bearer)
    assert (plan.step, plan.side, plan.target) == ("fail", "qbo", "target")
    assert plan.problem is not None
    assert plan.problem.code == "name_taken"
    assert plan.problem.message.endswith(f"{words} already has this name.")
    assert plan.problem.detail["holder_id"] == "5"


def test_a_sub_customer_is_adopted_only_below_its_own_parent() -> None:
    below = replace(FREE, parent_id="7")
    assert named(below, noun="sub-customer", parent="7").step == "adopt"
    assert named(below, noun="sub-customer", parent="8").step == "fail"
    assert named(FREE, noun="sub-customer", parent="7").step == "fail", "the main customer of the same name"


def test_two_that_could_be_it_are_a_conflict() -> None:
    assert named(FREE, replace(FREE, qbo_id="6")).step == "fail"


def test_a_customer_of_another_currency_is_not_adopted_and_an_item_has_none() -> None:
    foreign = replace(FREE, currency="EUR")
    plan = named(foreign)
    assert plan.problem is not None
    assert plan.problem.code == "foreign_currency"
    assert named(foreign, home=None).step == "adopt"
    assert named(replace(foreign, kind="Item"), home=None).step == "adopt"
    assert named(replace(FREE, currency="USD")).step == "adopt"


def test_whatever_bears_the_name_there_is_an_answer_and_only_what_is_free_is_adopted() -> None:
    kinds, yes_no = ("Customer", "Vendor", "Employee", "Item"), (True, False)
    every = [
        NamedRecord(
            kind=kind, qbo_id=id_, sync_token="0", name="Lakeside", active=active, usable=usable, linked=is_linked,
            parent_id=parent,
        )
        for id_, kind, active, usable, is_linked, parent in product("12", kinds, yes_no, yes_no, yes_no, (None, "7"))
    ]  # fmt: skip
    pairs = [(one,) for one in every] + [(one, other) for one in every[:64] for other in every[64:]]
    for bearers, parent in product(pairs, (None, "7")):
        plan = named(*bearers, parent=parent)
        assert plan.step in ("adopt", "fail"), "never a second one of the name"
        if plan.step == "adopt":
            assert plan.match is not None
            [adopted] = [one for one in bearers if one.qbo_id == plan.match.id]
            assert adopted.kind in ("Customer", "Item")
            assert adopted.active
            assert adopted.usable
            assert not adopted.linked
            assert adopted.kind == "Item" or adopted.parent_id == parent
