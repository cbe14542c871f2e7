"""The plans of customers: created once, moved, never renamed, never deleted (rule 2)."""

from dataclasses import replace
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from include.model.customer import Customer
from include.model.plan import Cause, Match, Plan
from include.model.record import Entity, RecordKey
from include.model.settings import LabSettings
from include.model.staged import LmsName, NamedRecord
from include.sync.plan.customer import CustomerContext, StagedCustomer, has_moved, name_proposals
from tests.support.planning import REFUSED_LOOKUP, assert_sound, lab_with, linked, plan, staged

BEARERS = st.lists(
    st.builds(
        NamedRecord,
        kind=st.sampled_from(["Customer", "Vendor", "Employee", "Item"]),
        qbo_id=st.sampled_from(["1", "2", "3"]),
        sync_token=st.just("0"),
        name=st.just("Name"),
        active=st.booleans(),
        linked_to=st.sampled_from([None, LmsName(key=RecordKey("billing_account", "9"), name="Name")]),
        parent_id=st.sampled_from([None, "7"]),
        usable=st.booleans(),
    ),
    max_size=3,
    unique_by=lambda bearer: bearer.qbo_id,
)
KEYS = st.builds(RecordKey, st.just("billing_account"), st.sampled_from(["1", "2"]))
CUSTOMERS = st.one_of(
    st.none(), st.builds(Customer, name=st.just("Name"), parent=st.one_of(st.none(), KEYS), wanted=st.booleans())
)

FIRST, SECOND = RecordKey("billing_account", "1"), RecordKey("billing_account", "2")
ACCOUNT = Customer(name="Lakeside", email="office@lakeside.example")
PAIR = Customer(name="Lakeside: Dr. Ames", parent=FIRST)
BEARER = NamedRecord(kind="Customer", qbo_id="5", sync_token="2", name="Lakeside", active=True)


def row(
    lms: Customer | None,
    *,
    base: Customer | None = None,
    is_linked: bool | None = None,
    bearers: tuple[NamedRecord, ...] = (),
    parent_id: str | None = None,
) -> StagedCustomer:
    """`is_linked`: by hand, where there is no base."""
    entity: Entity = "doctor_office" if (lms or base or ACCOUNT).parent else "billing_account"
    context = CustomerContext(bearers=bearers, parent_id=parent_id)
    link = linked(base) if base or is_linked else None
    return staged(entity, "lms_to_qbo", context, link=link, lms=lms)


def planned(record: StagedCustomer, lab: LabSettings | None = None) -> Plan[Customer]:
    made = plan(record, lab or lab_with())
    assert_sound(made, record, lab or lab_with())
    return made


@given(CUSTOMERS, CUSTOMERS, BEARERS, st.sampled_from([None, "7"]))
def test_customers_are_never_created_twice_and_never_deleted(
    base: Customer | None, lms: Customer | None, bearers: list[NamedRecord], parent_id: str | None
) -> None:
    record = row(lms, base=base, is_linked=base is not None or lms is None, bearers=tuple(bearers), parent_id=parent_id)
    made = plan(record, lab_with())
    assert made.step in ("create", "adopt", "update", "unlink", "nothing", "wait", "fail")
    if base is not None or lms is None or not lms.wanted:
        assert made.step in ("update", "unlink", "nothing")
    assert (made.step == "unlink") == (lms is None)
    if made.step == "create":
        assert not bearers
    if made.step == "adopt":
        assert made.match is not None
        [bearer] = [one for one in bearers if one.qbo_id == made.match.id and one.active]
        assert bearer.kind in ("Customer", "Item")
    if made.step == "fail":
        assert made.problem is not None
        assert made.problem.message.endswith("already has this name.")


def test_every_combination_has_a_sound_plan() -> None:
    customers = (None, ACCOUNT, PAIR, replace(PAIR, parent=SECOND), replace(PAIR, wanted=False))
    bases = (None, ACCOUNT, PAIR)
    bearers = ((), (BEARER,), (BEARER, replace(BEARER, qbo_id="6")), (replace(BEARER, active=False),))
    directions = ("lms_to_qbo", "qbo_to_lms", "both")
    for base, lms, by_hand, around, parent_id, direction, refused in product(
        bases, customers, (False, True), bearers, (None, "7"), directions, (None, REFUSED_LOOKUP)
    ):
        record = row(lms, base=base, is_linked=by_hand, bearers=around, parent_id=parent_id)
        record.known.refused_lookup = refused
        made = planned(record, lab_with(direction))
        assert made.step != "delete"
        if record.link:
            assert made.step in ("update", "unlink", "nothing")
        if direction == "qbo_to_lms" and lms:
            assert made.step == "nothing"
        if made.step == "wait":
            assert lms is not None
            assert made.waits_for == lms.parent


def test_a_name_that_changes_in_the_lms_stays_as_the_bookkeeper_has_it() -> None:
    renamed = replace(PAIR, name="Dr. Ames", email="ames@lakeside.example", phone="555-0101")
    assert planned(row(renamed, base=PAIR)).cause is Cause.IN_STEP


def test_a_pair_that_moves_to_another_account_is_moved() -> None:
    moved = replace(PAIR, parent=SECOND)
    record = row(moved, base=PAIR)
    assert has_moved(record)
    made = planned(record)
    assert (made.step, made.side, made.cause, made.target) == ("update", "qbo", Cause.MOVED, moved)
    assert not has_moved(row(PAIR, base=PAIR))
    assert not has_moved(row(PAIR, is_linked=True)), "linked by hand: what the LMS says counts as agreed"
    assert planned(row(PAIR, is_linked=True)).step == "nothing"
    assert planned(record, lab_with("qbo_to_lms")).step == "nothing"


def test_a_pair_of_a_combined_account_has_no_customer_of_its_own() -> None:
    assert planned(row(replace(PAIR, wanted=False))).cause is Cause.NO_RECORD_OF_ITS_OWN


def test_a_pair_waits_for_its_account_only_where_its_name_is_borne() -> None:
    made = planned(row(PAIR, bearers=(BEARER,)))
    assert (made.step, made.waits_for, made.target) == ("wait", FIRST, PAIR)
    assert planned(row(PAIR)).step == "create"
    below = replace(BEARER, parent_id="7")
    assert planned(row(PAIR, bearers=(below,), parent_id="7")).match == Match(id="5", sync_token="2")
    assert planned(row(PAIR, bearers=(below,), parent_id="8")).step == "fail"


def test_a_pair_that_is_named_like_its_account_waits_for_its_customer_and_is_told_whose_name_it_is() -> None:
    """A solo practitioner: the two would be sent in one run, and QuickBooks would refuse the second."""
    solo = replace(PAIR, name="lakeside")
    record = row(solo)
    record.known.account = "Lakeside"
    assert name_proposals(record) == ()
    assert (planned(record).step, planned(record).waits_for) == ("wait", FIRST)
    record = row(solo, bearers=(BEARER,), parent_id=BEARER.qbo_id)
    record.known.account = "Lakeside"
    assert name_proposals(record)[0] == "lakeside (Main)"
    problem = planned(record).problem
    assert problem is not None
    assert "the main customer of the same account already has this name." in problem.message


def test_names_are_proposed_for_new_customers_only() -> None:
    assert name_proposals(row(ACCOUNT, bearers=(replace(BEARER, kind="Vendor"),)))
    for record in (
        row(None),
        row(ACCOUNT, bearers=(BEARER,)),
        row(ACCOUNT, base=ACCOUNT, bearers=(replace(BEARER, kind="Vendor"),)),
        row(replace(PAIR, wanted=False), bearers=(BEARER,), parent_id="7"),
    ):
        assert name_proposals(record) == ()


def test_a_customer_that_left_the_lms_stays_in_quickbooks_and_is_free() -> None:
    made = planned(row(None, base=ACCOUNT))
    assert (made.step, made.cause) == ("unlink", Cause.REMOVED_FROM_LMS)
    assert planned(row(None)).cause is Cause.NEVER_SYNCED


def test_where_the_direction_stops_it_no_customer_is_made() -> None:
    assert planned(row(ACCOUNT), lab_with("qbo_to_lms")).cause is Cause.DIRECTION


def test_a_customer_that_is_billed_in_another_currency_is_not_adopted() -> None:
    record = row(ACCOUNT, bearers=(replace(BEARER, currency="EUR"),))
    problem = planned(record, lab_with(home="USD")).problem
    assert problem is not None
    assert problem.code == "foreign_currency"
    assert planned(record, lab_with(home="EUR")).step == "adopt"


def test_a_name_conflict_proposes_the_name_that_was_found_free() -> None:
    record = row(ACCOUNT, bearers=(replace(BEARER, kind="Vendor"),))
    record.known.free_name = "Lakeside (vendor)"
    problem = planned(record).problem
    assert problem is not None
    assert "“Lakeside (vendor)”" in problem.resolution


def test_a_pair_without_a_known_account_waits_for_nothing_but_a_bearer_of_its_name() -> None:
    assert planned(row(replace(PAIR, name="XXXX"))).step == "create"
