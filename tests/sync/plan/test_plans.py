"""The plans of customers, products and invoices over generated situations."""

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from include.model.customer import Customer
from include.model.invoice import Invoice
from include.model.product import Product
from include.model.record import RecordKey
from include.sync.plan.customer import CustomerSituation, plan_customer
from include.sync.plan.invoice import InvoiceSituation, plan_invoice
from include.sync.plan.names import NameHolder
from include.sync.plan.product import ProductSituation, plan_product

HOLDERS = st.lists(
    st.builds(
        NameHolder,
        kind=st.sampled_from(["Customer", "Vendor", "Employee", "Item"]),
        qbo_id=st.sampled_from(["1", "2"]),
        sync_token=st.just("0"),
        name=st.just("Name"),
        active=st.booleans(),
        linked=st.booleans(),
        parent_id=st.sampled_from([None, "7"]),
        usable=st.booleans(),
    ),
    max_size=3,
)
KEYS = st.builds(RecordKey, st.just("billing_account"), st.sampled_from(["1", "2"]))
CUSTOMERS = st.one_of(
    st.none(), st.builds(Customer, name=st.just("Name"), parent=st.one_of(st.none(), KEYS), wanted=st.booleans())
)
DAYS = st.one_of(st.none(), st.dates(date(2026, 1, 1), date(2026, 1, 5)))
INVOICES = st.builds(
    Invoice,
    number=st.just("1"),
    date=st.dates(date(2026, 1, 1), date(2026, 1, 5)),
    customer=KEYS,
    lines=st.just(()),
    total=st.sampled_from([Decimal("1.00"), Decimal("2.00")]),
    origin=st.sampled_from(["lms", "qbo"]),
)


@given(CUSTOMERS, CUSTOMERS, HOLDERS, st.sampled_from([None, "7"]))
def test_customers_are_never_created_twice_and_never_deleted(
    base: Customer | None, lms: Customer | None, holders: list[NameHolder], parent_id: str | None
) -> None:
    plan = plan_customer(
        CustomerSituation(base=base, lms=lms, qbo_id="1", sync_token="0", parent_id=parent_id, holders=holders)
    )
    assert plan.action in ("create", "adopt", "update", "unlink", "nothing", "wait", "fail")
    if base is not None or lms is None or not lms.wanted:
        assert plan.action in ("update", "unlink", "nothing")
    assert (plan.action == "unlink") == (lms is None)
    if plan.action == "create":
        assert not holders
    if plan.action == "adopt":
        [holder] = [holder for holder in holders if holder.qbo_id == plan.qbo_id and holder.active][:1]
        assert holder.kind in ("Customer", "Item")
    if plan.action == "fail":
        assert plan.problem is not None
        assert plan.problem.message.endswith("already has this name.")


@given(st.booleans(), st.one_of(st.none(), st.just(Product(name="Name"))), HOLDERS)
def test_items_are_created_once(linked: bool, lms: Product | None, holders: list[NameHolder]) -> None:
    plan = plan_product(ProductSituation(linked=linked, lms=lms, holders=holders))
    assert plan.action in ("create", "adopt", "unlink", "nothing", "fail")
    if linked or lms is None:
        assert plan.action == ("unlink" if linked and lms is None else "nothing")


@given(
    st.booleans(),
    st.one_of(st.none(), INVOICES),
    DAYS,
    DAYS,
    st.lists(KEYS, max_size=2),
    st.lists(st.tuples(st.sampled_from(["5", "6"]), st.just("0")), max_size=2),
    st.sampled_from([Decimal("1.00"), Decimal("2.00")]),
)
def test_invoices_have_an_answer_for_every_situation(
    linked: bool,
    lms: Invoice | None,
    start: date | None,
    closed: date | None,
    missing: list[RecordKey],
    same: list[tuple[str, str]],
    qbo_total: Decimal,
) -> None:
    plan = plan_invoice(
        InvoiceSituation(
            linked=linked,
            lms=lms,
            qbo_id="9" if linked else None,
            sync_token="0" if linked else None,
            qbo_total=qbo_total if linked else None,
            start_date=start,
            book_close_date=closed,
            missing=missing,
            same=same,
        )
    )
    match plan.action:
        case "create":
            assert not linked
            assert lms is not None
            assert lms.origin == "lms"
            assert not missing
            assert not same
            assert start is None or lms.date >= start
            assert closed is None or lms.date > closed
        case "delete":
            assert linked
            assert lms is None
        case "adopt":
            assert len(same) == 1
            assert not linked
        case "wait":
            assert plan.waits_for == missing[0]
        case "fail":
            assert plan.problem is not None
        case other:
            assert other == "nothing"


def test_a_product_is_the_item_at_the_top_rather_than_one_in_a_category() -> None:
    def holder(qbo_id: str, parent_id: str | None) -> NameHolder:
        return NameHolder(
            kind="Item", qbo_id=qbo_id, sync_token="0", name="Crown", active=True, linked=False, parent_id=parent_id
        )

    def qbo_id_of(*holders: NameHolder) -> str | None:
        return plan_product(ProductSituation(linked=False, lms=Product(name="Crown"), holders=holders)).qbo_id

    assert qbo_id_of(holder("1", "9")) == "1"
    assert qbo_id_of(holder("1", "9"), holder("2", None)) == "2"
    assert qbo_id_of(holder("1", "9"), holder("2", "8")) is None
