"""The plans of items: created once, from then on the bookkeeper's (rule 3)."""

from dataclasses import replace
from itertools import product as combinations

from hypothesis import given
from hypothesis import strategies as st

from include.model.plan import Cause, Plan
from include.model.product import Product
from include.model.record import Entity, RecordKey
from include.model.settings import LabSettings
from include.model.staged import LmsName, NamedRecord
from include.sync.plan.product import ProductContext, StagedProduct, name_proposals
from tests.support.planning import REFUSED_LOOKUP, assert_sound, dollars, lab_with, linked, plan, staged

BEARERS = st.lists(
    st.builds(
        NamedRecord,
        kind=st.sampled_from(["Customer", "Vendor", "Employee", "Item"]),
        qbo_id=st.sampled_from(["1", "2", "3"]),
        sync_token=st.just("0"),
        name=st.just("Name"),
        active=st.booleans(),
        linked_to=st.sampled_from([None, LmsName(key=RecordKey("product", "9"), name="Name")]),
        parent_id=st.sampled_from([None, "7"]),
        usable=st.booleans(),
    ),
    max_size=3,
    unique_by=lambda bearer: bearer.qbo_id,
)
CROWN = Product(name="Crown", unit_price=dollars(120))
ITEM = NamedRecord(kind="Item", qbo_id="5", sync_token="2", name="Crown", active=True)


def row(
    lms: Product | None, *, base: Product | None = None, is_linked: bool = False, bearers: tuple[NamedRecord, ...] = ()
) -> StagedProduct:
    link = linked(base) if base or is_linked else None
    entity: Entity = "product"
    return staged(entity, "lms_to_qbo", ProductContext(bearers=bearers), link=link, lms=lms)


def planned(record: StagedProduct, lab: LabSettings | None = None) -> Plan[Product]:
    made = plan(record, lab or lab_with())
    assert_sound(made, record, lab or lab_with())
    return made


@given(st.booleans(), st.one_of(st.none(), st.just(Product(name="Name"))), BEARERS)
def test_items_are_created_once(is_linked: bool, lms: Product | None, bearers: list[NamedRecord]) -> None:
    made = planned(row(lms, is_linked=is_linked, bearers=tuple(bearers)))
    assert made.step in ("create", "adopt", "unlink", "nothing", "fail")
    if is_linked or lms is None:
        assert made.step == ("unlink" if is_linked and lms is None else "nothing")


def test_names_are_proposed_for_new_items_only() -> None:
    taken = (replace(ITEM, usable=False),)
    assert name_proposals(row(CROWN, bearers=taken)) == tuple(f"Crown ({one})" for one in ("Product", *"2345"))
    sold = replace(ITEM, linked_to=LmsName(key=RecordKey("product", "9"), name="Crown"))
    assert name_proposals(row(CROWN, bearers=(sold,)))[0] == "Crown (2)", "that is a product, too"
    for record in (row(None), row(CROWN), row(CROWN, bearers=(ITEM,)), row(CROWN, base=CROWN, bearers=taken)):
        assert name_proposals(record) == ()


def test_a_product_with_the_name_of_a_special_item_is_never_that_item() -> None:
    made = planned(row(replace(CROWN, name="TAX"), bearers=(replace(ITEM, name="Tax"),)))
    assert made.problem is not None
    assert made.problem.code == "name_reserved"
    special = row(Product(name="Tax"), bearers=(replace(ITEM, name="Tax"),))
    special.entity = "special_item"
    assert planned(special).step == "adopt"


def test_a_name_conflict_proposes_the_name_that_was_found_free() -> None:
    inactive = (replace(ITEM, name="Tax", active=False),)
    product, special = row(replace(CROWN, name="Tax"), bearers=inactive), row(Product(name="Tax"), bearers=inactive)
    special.entity = "special_item"
    product.known.free_name = special.known.free_name = "Tax (Product)"
    for record, code, noun in ((product, "name_reserved", "product"), (special, "name_taken", "item")):
        assert name_proposals(record)[0] == "Tax (Product)"
        problem = planned(record).problem
        assert problem is not None
        assert problem.code == code
        assert problem.message.startswith(f"The {noun} “Tax” ")
        assert "“Tax (Product)”" in problem.resolution


def test_every_combination_has_a_sound_plan() -> None:
    bearers = ((), (ITEM,), (ITEM, replace(ITEM, qbo_id="6")), (replace(ITEM, usable=False),))
    for is_linked, base, lms, around, direction, refused in combinations(
        (False, True),
        (None, CROWN),
        (None, CROWN, replace(CROWN, name="Bridge")),
        bearers,
        ("lms_to_qbo", "qbo_to_lms", "both"),
        (None, REFUSED_LOOKUP),
    ):
        record = row(lms, base=base, is_linked=is_linked, bearers=around)
        record.known.refused_lookup = refused
        made = planned(record, lab_with(direction))
        assert made.step not in ("update", "delete", "wait")
        if record.link and lms:
            assert (made.step, made.cause) == ("nothing", Cause.IN_STEP), "items are the bookkeeper's"
        if direction == "qbo_to_lms" and lms and record.link is None:
            assert made.cause is Cause.DIRECTION


def test_a_product_is_the_item_at_the_top_rather_than_one_in_a_category() -> None:
    def bearer(qbo_id: str, parent_id: str | None) -> NamedRecord:
        return NamedRecord(kind="Item", qbo_id=qbo_id, sync_token="0", name="Crown", active=True, parent_id=parent_id)

    def qbo_id_of(*bearers: NamedRecord) -> str | None:
        match = planned(row(Product(name="Crown"), bearers=bearers)).match
        return match.id if match else None

    assert qbo_id_of(bearer("1", "9")) == "1"
    assert qbo_id_of(bearer("1", "9"), bearer("2", None)) == "2"
    assert qbo_id_of(bearer("1", "9"), bearer("2", "8")) is None


def test_an_item_that_left_the_lms_stays_in_quickbooks_and_is_free() -> None:
    made = planned(row(None, base=CROWN))
    assert (made.step, made.cause) == ("unlink", Cause.REMOVED_FROM_LMS)
    assert planned(row(None)).cause is Cause.NEVER_SYNCED


def test_every_currency_sells_the_same_items() -> None:
    assert planned(row(CROWN, bearers=(replace(ITEM, currency="EUR"),))).step == "adopt"
