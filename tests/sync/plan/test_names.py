"""Who bears a name in QuickBooks: adopted, a name conflict, or nobody (rule 2)."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from include.model.customer import NAME_LIMIT
from include.model.plan import Cause, Match, Plan
from include.model.problem import Problem
from include.model.product import NAME_LIMIT as ITEM_NAME_LIMIT
from include.model.record import TAX_ITEM, RecordKey
from include.model.staged import LmsName, NamedRecord, WantedName
from include.sync.plan.names import create_or_adopt, proposals

FREE = NamedRecord(kind="Customer", qbo_id="5", sync_token="2", name="Lakeside", active=True)
LAKESIDE = WantedName(noun="customer", name="Lakeside")
OTHER_ACCOUNT = LmsName(key=RecordKey("billing_account", "7"), name="Lakeside")
OTHER_PAIR = LmsName(key=RecordKey("doctor_office", "8"), name="Lakeside", account="Hillside")
OTHER_PRODUCT = LmsName(key=RecordKey("product", "9"), name="Lakeside")
ROE = "Dr. Jane Roe DDS"


def named(*bearers: NamedRecord, home: str | None = "USD", free: str | None = None, **wanted: Any) -> Plan[str]:
    return create_or_adopt("target", replace(LAKESIDE, **wanted), bearers, free, home)


def conflict(wanted: WantedName, *bearers: NamedRecord) -> tuple[Problem, tuple[str, ...]]:
    """The problem, as it is told if the first proposal is free, and all proposals."""
    names = proposals(wanted, bearers)
    problem = create_or_adopt("target", wanted, bearers, names[0], None).problem
    assert problem is not None
    return problem, names


def test_a_name_that_nobody_bears_is_created() -> None:
    assert named() == Plan(step="create", cause=Cause.NEW, side="qbo", target="target")
    assert proposals(LAKESIDE, ()) == ()


def test_the_one_free_customer_of_the_name_is_adopted_with_its_version() -> None:
    plan = named(FREE)
    assert (plan.step, plan.cause, plan.side, plan.target) == ("adopt", Cause.MATCH, "qbo", "target")
    assert plan.match == Match(id="5", sync_token="2")
    assert proposals(LAKESIDE, (FREE,)) == ()


@pytest.mark.parametrize(
    ("bearer", "words"),
    [
        (replace(FREE, kind="Vendor"), "the vendor “Lakeside”"),
        (replace(FREE, kind="Employee"), "the employee “Lakeside”"),
        (replace(FREE, active=False, name="Lakeside (deleted)"), "the inactive customer “Lakeside (deleted)”"),
        (replace(FREE, linked_to=OTHER_ACCOUNT), "another account “Lakeside”"),
        (replace(FREE, linked_to=OTHER_PAIR), "the pair “Lakeside” of the account “Hillside”"),
        (
            replace(FREE, linked_to=replace(OTHER_ACCOUNT, name="Lake")),
            "another account “Lake” (“Lakeside” in QuickBooks)",
        ),
        (replace(FREE, parent_id="9", parent_name="Hillside"), "the sub-customer “Lakeside” of “Hillside”"),
        (replace(FREE, parent_id="9"), "the sub-customer “Lakeside”"),
        (
            replace(FREE, parent_id="9", parent_name="Hillside", active=False),
            "the inactive sub-customer “Lakeside” of “Hillside”",
        ),
        (replace(FREE, kind="Item", usable=False), "the category or bundle “Lakeside”"),
        (replace(FREE, kind="Item", active=False), "the inactive product or service “Lakeside”"),
        (replace(FREE, kind="Item", linked_to=OTHER_PRODUCT), "the product “Lakeside”"),
        (
            replace(FREE, kind="Item", linked_to=LmsName(key=TAX_ITEM, name="Tax")),
            "the item “Tax” (“Lakeside” in QuickBooks), which Pilot uses for the taxes on invoices,",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_name_that_another_bears_is_a_conflict_that_says_whose_it_is(bearer: NamedRecord, words: str) -> None:
    plan = named(bearer)
    assert (plan.step, plan.side, plan.target) == ("fail", "qbo", "target")
    assert plan.problem is not None
    assert plan.problem.code == "name_taken"
    assert plan.problem.message.endswith(f" in QuickBooks: {words} already has this name.")
    assert plan.problem.detail["holder_id"] == "5"


def test_a_solo_practitioner_is_told_of_the_main_customer_and_both_ways_out() -> None:
    wanted = WantedName(noun="sub-customer", name=ROE, account=ROE, parent_id="5")
    problem, names = conflict(wanted, replace(FREE, name=ROE))
    assert problem.message == (
        f"The sub-customer “{ROE}” of “{ROE}” cannot be created in QuickBooks: the main customer of the same account "
        "already has this name."
    )
    assert names[:2] == (f"{ROE} (Main)", f"{ROE} (2)")
    assert problem.resolution.startswith(f"Rename the pair in Pilot (for example, to “{ROE} (Main)”, which is free).")
    assert "change the account to combined in Pilot" in problem.resolution


def test_two_of_a_kind_in_pilot_are_told_as_two() -> None:
    crown = WantedName(noun="product", name="LAKESIDE")
    problem, _ = conflict(crown, replace(FREE, kind="Item", linked_to=OTHER_PRODUCT))
    assert "another product “Lakeside” already has this name." in problem.message
    pair = WantedName(noun="sub-customer", name="Lakeside", account="Hillside", parent_id="9")
    problem, _ = conflict(pair, replace(FREE, parent_id="9", linked_to=OTHER_PAIR))
    assert "another pair “Lakeside” of the same account already has this name." in problem.message
    problem, _ = conflict(pair, replace(FREE, linked_to=OTHER_ACCOUNT))
    assert "the account “Lakeside” already has this name." in problem.message


def test_the_same_office_under_two_accounts_is_told_apart_by_its_account() -> None:
    wanted = WantedName(noun="sub-customer", name="Main Office", account="Lakeside Dental", parent_id="7")
    holder = replace(FREE, name="Main Office", parent_id="9", linked_to=replace(OTHER_PAIR, name="Main Office"))
    problem, names = conflict(wanted, holder)
    assert "the pair “Main Office” of the account “Hillside” already has this name." in problem.message
    assert "(for example, to “Main Office (Lakeside Dental)”, which is free)" in problem.resolution
    assert names[1] == "Main Office (Main)"


def test_a_customer_at_the_top_can_be_put_under_the_account() -> None:
    wanted = WantedName(noun="sub-customer", name="Lakeside", account="Lake Group", parent_id="7")
    problem, _ = conflict(wanted, FREE)
    assert "make it a sub-customer of “Lake Group” in QuickBooks" in problem.resolution
    assert "rename the pair in Pilot (for example, to “Lakeside (Lake Group)”, which is free)" in problem.resolution


@pytest.mark.parametrize(
    ("bearer", "wanted", "first"),
    [
        (replace(FREE, kind="Vendor"), LAKESIDE, "Lakeside (vendor)"),
        (replace(FREE, kind="Employee"), LAKESIDE, "Lakeside (employee)"),
        (replace(FREE, linked_to=OTHER_ACCOUNT), LAKESIDE, "Lakeside (2)"),
        (replace(FREE, parent_id="9"), LAKESIDE, "Lakeside (Main)"),
        (replace(FREE, kind="Item", usable=False), replace(LAKESIDE, noun="product"), "Lakeside (Product)"),
        (replace(FREE, kind="Item", linked_to=OTHER_PRODUCT), replace(LAKESIDE, noun="product"), "Lakeside (2)"),
        (replace(FREE, kind="Item", active=False), replace(LAKESIDE, noun="item"), "Lakeside (Product)"),
    ],
)
def test_the_proposed_name_says_what_it_is(bearer: NamedRecord, wanted: WantedName, first: str) -> None:
    problem, names = conflict(wanted, bearer)
    assert names[0] == first
    assert f"(for example, to “{first}”, which is free)" in problem.resolution
    assert problem.detail["free_name"] == first


def test_without_a_free_name_nothing_is_proposed() -> None:
    problem = named(replace(FREE, linked_to=OTHER_ACCOUNT)).problem
    assert problem is not None
    assert problem.resolution.startswith("Rename the account in Pilot. Pilot then creates it automatically.")


def test_what_is_inactive_can_be_used_again_unless_it_is_another_s() -> None:
    inactive = replace(FREE, active=False)
    assert "Make it active again in QuickBooks" in conflict(LAKESIDE, inactive)[0].resolution
    others = replace(inactive, linked_to=OTHER_ACCOUNT), replace(inactive, parent_id="9")
    assert all("active again" not in conflict(LAKESIDE, other)[0].resolution for other in others)


def test_of_several_the_one_that_has_the_name_now_is_told() -> None:
    before, now = replace(FREE, active=False, name="Lakeside (deleted)"), replace(FREE, kind="Vendor", qbo_id="6")
    assert "the vendor “Lakeside” already" in conflict(LAKESIDE, before, now)[0].message


def test_no_proposal_is_longer_than_quickbooks_takes() -> None:
    taken = replace(FREE, kind="Vendor")
    pair = WantedName(noun="sub-customer", name="x" * NAME_LIMIT, account="y" * NAME_LIMIT, parent_id="7")
    crown = WantedName(noun="product", name="x" * ITEM_NAME_LIMIT)
    for wanted, bearer, limit in (
        (replace(LAKESIDE, name="x" * NAME_LIMIT), taken, NAME_LIMIT),
        (pair, FREE, NAME_LIMIT),
        (crown, replace(FREE, kind="Item", linked_to=OTHER_PRODUCT), ITEM_NAME_LIMIT),
    ):
        names = proposals(wanted, (bearer,))
        assert len(names) == len(set(names)) >= 4
        assert max(len(name) for name in names) == limit
    assert not any("yyy" in name for name in proposals(pair, (FREE,))), "an account's name that is endless is no help"
    colon = replace(pair, name="Main Office", account="Lakeside: Dental")
    assert proposals(colon, (FREE,))[0] == "Main Office (Main)"


@pytest.mark.parametrize("name", ["Tax", "tax", "LAB CREDIT"])
@pytest.mark.parametrize("there", [True, False])
def test_a_product_never_shares_an_item_with_the_sync(name: str, there: bool) -> None:
    wanted = WantedName(noun="product", name=name)
    problem, names = conflict(wanted, *([replace(FREE, kind="Item", name=name)] if there else []))
    assert problem.code == "name_reserved"
    assert names[0] == f"{name} (Product)"
    assert f"The product “{name}” cannot be created" in problem.message
    item = "Tax" if name.casefold() == "tax" else "Lab Credit"
    assert f"Pilot uses the QuickBooks item “{item}” for" in problem.message
    assert f"Rename the product in Pilot (for example, to “{name} (Product)”, which is free)" in problem.resolution


def test_the_special_item_itself_is_made_or_adopted() -> None:
    tax = WantedName(noun="item", name="Tax")
    item = replace(FREE, kind="Item", name="Tax")
    assert create_or_adopt("target", tax, (), None, None).step == "create"
    assert create_or_adopt("target", tax, (item,), None, None).step == "adopt"
    problem, _ = conflict(tax, replace(item, linked_to=OTHER_PRODUCT))
    assert problem.code == "name_taken"
    assert problem.resolution.startswith("In QuickBooks, rename it (for example, to “Tax (Product)”, which is free).")


def test_a_sub_customer_is_adopted_only_below_its_own_parent() -> None:
    below = replace(FREE, parent_id="7")
    assert named(below, noun="sub-customer", parent_id="7").step == "adopt"
    assert named(below, noun="sub-customer", parent_id="8").step == "fail"
    assert named(FREE, noun="sub-customer", parent_id="7").step == "fail", "the main customer of the same name"


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
    kinds, yes_no, links = ("Customer", "Vendor", "Employee", "Item"), (True, False), (None, OTHER_ACCOUNT)
    every = [
        NamedRecord(
            kind=kind, qbo_id=id_, sync_token="0", name="Lakeside", active=active, usable=usable, linked_to=linked_to,
            parent_id=parent,
        )
        for id_, kind, active, usable, linked_to, parent in product("12", kinds, yes_no, yes_no, links, (None, "7"))
    ]  # fmt: skip
    pairs = [(one,) for one in every] + [(one, other) for one in every[:64] for other in every[64:]]
    for bearers, parent in product(pairs, (None, "7")):
        plan = named(*bearers, parent_id=parent)
        assert plan.step in ("adopt", "fail"), "never a second one of the name"
        assert bool(proposals(replace(LAKESIDE, parent_id=parent), bearers)) == (plan.step == "fail")
        if plan.step == "adopt":
            assert plan.match is not None
            [adopted] = [one for one in bearers if one.qbo_id == plan.match.id]
            assert adopted.kind in ("Customer", "Item")
            assert adopted.active
            assert adopted.usable
            assert adopted.linked_to is None
            assert adopted.kind == "Item" or adopted.parent_id == parent


def test_a_qualifier_may_take_half_of_the_name_and_the_name_ends_before_a_blank() -> None:
    """The name is cut so that both fit."""
    half = NAME_LIMIT // 2
    pair = WantedName(noun="sub-customer", name="a" * (half - 4) + " b" * half, account="c" * half, parent_id="9")
    taken = replace(FREE, name=pair.name, linked_to=OTHER_ACCOUNT)
    assert proposals(pair, (taken,))[0] == f"{'a' * (half - 4)} ({'c' * half})"
    assert proposals(replace(pair, account="c" * (half + 1)), (taken,))[0].endswith(" (Main)")


@pytest.mark.parametrize("account", ["Max X. Smile", "a:b", "a\tb", "a\nb", "a\rb"])
def test_an_account_with_a_character_that_names_do_not_take_is_no_qualifier(account: str) -> None:
    pair = WantedName(noun="sub-customer", name="Lakeside", account=account, parent_id="9")
    first = proposals(pair, (replace(FREE, linked_to=OTHER_ACCOUNT),))[0]
    assert first == (f"Lakeside ({account})" if account.isprintable() and ":" not in account else "Lakeside (Main)")
