"""What QuickBooks' facts leave open is a switch of the sandbox: the pipeline ends right in every position of each."""

from typing import Any

import pytest

from tests.support.world import World

#: Positions that touch what the pipeline does with invoices, customers and payments: in `make test`.
CORE = [
    ("paid_invoice_delete", "refuse"),
    ("cross_customer_payment", "exact"),
    ("empty_application", "delete"),
    ("query_stale_tokens", True),
    ("bare_numbers", "refuse"),
    ("move_touches_descendants", True),
    ("fault_type", "Validation"),
]
#: The others, by `make proof`.
OTHERS = [
    ("revoked_token", 401),
    ("requestid_other_body", "refuse"),
    ("requestid_keeps_faults", True),
    ("throttle_envelope", "upper"),
    ("max_results_over_1000", "cap"),
    ("default_order", "newest_first"),
    ("total_count", "always"),
    ("total_count", "never"),
    ("lower_paid_invoice", "refuse"),
    ("paid_invoice_customer", "unapply"),
    ("balance_touches_customer", True),
    ("inactive_reference", 610),
    ("name_clash_text", "template"),
    ("discount_off", "drop"),
    ("shipping_off", "drop"),
    ("duplicate_number_warning", False),
    ("zero_tax_refused", False),
    ("closed_period", "ignore"),
    ("closed_invoice_payment", "refuse"),
    ("query_lines_vanish", True),
    ("undelete_names", False),
    ("batch_sees_itself", True),
    ("batch_order", "reverse"),
]


@pytest.mark.rule("4.j")
@pytest.mark.trap(8, 42, 46)
@pytest.mark.parametrize(
    ("switch", "value"), [*CORE, *(pytest.param(*other, marks=pytest.mark.long) for other in OTHERS)]
)
def test_the_story_in_another_position(world: World, switch: str, value: Any) -> None:
    """All that the pipeline does, told once; then a second run writes nothing."""
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", {switch: value})
    _story(world)


def _story(world: World) -> None:
    account = world.account(structure="detailed")
    pair, product = world.pair(account), world.product()
    case = world.case(pair, [{"product": product, "discount": "10.00"}], notes="note")
    kept, gone = world.simple_invoice(pair=pair, tax="5.00", shipping="7.00"), world.invoice(case)
    payment = world.payment(account, "100.00", {kept: "60.00", gone: "40.00"}, pair=pair)
    world.credit(account, "20.00", {kept: "20.00"}, pair=pair)
    world.sync()
    assert world.errors() == []
    assert world.qbo_invoice(kept)["Balance"] == 32
    world.sql("select lms.uninvoice_case(%s)", case)
    world.sql("update lms.payment set amount = 90 where id = %s", payment)
    other = world.account(structure="detailed")
    world.sql("update lms.doctor_office set billing_account_id = %s where id = %s", other, pair)
    world.sync()
    assert world.errors() == []
    assert world.qbo_invoice(kept)["Balance"] == 32
    assert world.link("invoice", gone) is None
    before = world.qbo.writes()
    world.resync()
    assert world.qbo.writes() == before


@pytest.mark.rule("4.e")
@pytest.mark.parametrize("custom_numbers", [True, False])
def test_the_story_with_and_without_numbers_of_our_own(world: World, custom_numbers: bool) -> None:
    world.prefer(SalesFormsPrefs={"CustomTxnNumbers": custom_numbers})
    _story(world)
