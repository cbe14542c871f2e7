"""Answers of QuickBooks that cannot be: each record ends in one sync error in plain words, or is synced right."""

from collections import Counter
from decimal import Decimal

import pytest

from tests.support import hostile
from tests.support.bookkeeper import in_quickbooks, pays, received, sale
from tests.support.both_sides import assert_each_once, linked_account, many_invoices, of_qbo
from tests.support.hostile import BODIES, SPOILS, Hostility, before
from tests.support.poison import assert_in_words
from tests.support.quickbooks import Json
from tests.support.world import World

#: Nobody can tell whose trouble it is: not even the id can be read.
NAMELESS = {"null", "a word", "a list", "no Id", "an Id that is none"}


def _books(world: World, count: int) -> list[tuple[str, Json]]:
    """So many invoices and payments that the bookkeeper enters."""
    _, customer = linked_account(world)
    made: list[tuple[str, Json]] = []
    for number in range(count // 2):
        invoice = in_quickbooks(world, customer, sale(Decimal(10 + number)))
        made += [("Invoice", invoice), ("Payment", received(world, customer, "5.00", pays(invoice, "5.00")))]
    return made


def _judge(world: World, made: list[tuple[str, Json]], hostility: Hostility) -> Counter[str]:
    """What became of each record; asserts that the sound ones are synced and each other has its one error in words."""
    linked = {
        (row["entity"], row["qbo_id"]): row["money"]
        for row in world.sql(
            "select l.entity, l.qbo_id, coalesce(i.total_amount, p.amount) as money from qbo_sync.entity_link l"
            "  left join lms.invoice i on l.entity = 'invoice' and i.id = l.lms_id"
            "  left join lms.payment p on l.entity = 'payment' and p.id = l.lms_id"
        )
    }
    errors = {(row["record_entity"], row["record_id"]): row for row in world.errors()}
    ends: Counter[str] = Counter()
    for resource, record in made:
        key, how = (resource.lower(), record["Id"]), hostility.records.get((resource, record["Id"]))
        if key in errors and how is None:
            # Of a payment of an invoice that is malformed.
            assert errors[key]["error_code"] == "unsynced_application"
            assert linked[key] == record["TotalAmt"]
            ends["synced"] += 1
        elif key in errors:
            assert_in_words(errors[key])
            ends[errors[key]["error_code"]] += 1
        elif key not in linked and how in NAMELESS:
            ends["asked for again"] += 1
        else:
            assert key in linked, f"{resource} {record['Id']} is lost: {how}"
            assert linked[key] == record["TotalAmt"], f"{resource} {record['Id']}: {how}"
            ends["synced"] += 1
    assert sum(ends.values()) == len(made)
    return ends


@pytest.mark.rule("8.3.a")
@pytest.mark.parametrize("seed", [1, 2])
def test_malformed_records_end_in_words_and_stop_no_other(world: World, seed: int) -> None:
    made = _books(world, 2 * len(SPOILS))
    hostility = Hostility(seed, crowded=True)
    ways = iter(sorted(SPOILS)) if seed == 1 else iter(sorted(SPOILS, reverse=True))
    for resource, record in made[seed % 2 :: 2]:
        how = next(ways)
        hostility.records[resource, record["Id"]] = how
    with before(world, hostility):
        world.both()
        assert hostility.spoiled > len(SPOILS)
        ends = _judge(world, made, hostility)
        assert ends["unreadable"] > 40
        assert ends["synced"] >= len(made) // 2
        # QuickBooks is itself again: all is synced.
        hostility.records.clear()
        world.sql("update qbo_sync.sync_error set retry_at = now() where status = 'open'")
        world.both()
    assert _judge(world, made, hostility) == {"synced": len(made)}


@pytest.mark.rule("8.3.a")
def test_records_that_both_sides_know_survive_malformed_answers(world: World) -> None:
    made = _books(world, 60)
    world.both()
    hostility = Hostility(3)
    for resource, record in made[::2]:
        hostility.records[resource, record["Id"]] = hostility.any_spoil()
    with before(world, hostility):
        # Compared as a whole: what is not shown soundly is not taken for deleted.
        world.sql("update qbo_sync.qbo_cursor set compare_asked_at = now()")
        world.both()
        _judge(world, made, hostility)
        hostility.records.clear()
        world.sql("update qbo_sync.sync_error set retry_at = now() where status = 'open'")
        world.both()
    assert _judge(world, made, hostility) == {"synced": len(made)}


def test_malformed_answers_to_writes_make_nothing_twice(world: World) -> None:
    invoices = many_invoices(world, 70)
    account = world.lms_invoice(invoices[0])["billing_account_id"]
    payments = [world.payment(account, f"{5 + number}.00") for number in range(35)]
    hostility = Hostility(4, writes=90)
    with before(world, hostility):
        world.sync()
    assert hostility.spoiled == 90
    assert_each_once(world, invoices)
    assert len(world.qbo.all("Payment")) == len(payments)
    assert all(world.link("payment", payment) for payment in payments)


@pytest.mark.parametrize("how", ["no TotalAmt", "no MetaData", "null"])
@pytest.mark.parametrize("count", [1, 3])
def test_what_is_malformed_for_good_is_made_once(world: World, how: str, count: int) -> None:
    """Whatever QuickBooks is asked about it, nobody can read it; a payment or credit has no number that is taken."""
    invoice = many_invoices(world, 1)[0]
    account = world.lms_invoice(invoice)["billing_account_id"]
    for number in range(count):
        world.payment(account, f"{5 + number}.00")
        world.credit(account, f"{5 + number}.00")
    hostility = Hostility(1, made=how)
    with before(world, hostility):
        for _ in range(4):
            world.both()
            world.sql("update qbo_sync.sync_error set retry_at = now() where status = 'open'")
    assert len(world.qbo.all("Payment")) == count
    assert len(world.qbo.all("CreditMemo")) == count
    for error in world.errors():
        assert_in_words(error)
    assert {error["record_entity"] for error in world.errors()} == {"payment", "credit"}
    hostility.records.clear()
    hostility.made = None
    world.sql("update qbo_sync.sync_error set retry_at = now() where status = 'open'")
    world.both()
    assert world.errors() == []
    assert len(world.qbo.all("Payment")) == count
    assert len(world.qbo.all("CreditMemo")) == count
    assert world.value("select count(*) from qbo_sync.entity_link where entity in ('payment', 'credit')") == 2 * count


@pytest.mark.parametrize("seed", range(3))
def test_answers_that_are_none_are_asked_for_again(world: World, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("include.qbo.client.ATTEMPTS", len(BODIES))
    monkeypatch.setattr("include.qbo.client.time.sleep", lambda seconds: None)
    made = _books(world, 10)
    invoices = many_invoices(world, 5)
    hostility = Hostility(seed, bodies=len(BODIES) - 1)
    with before(world, hostility):
        world.both()
    assert hostility.bodies == 0
    assert _judge(world, made, hostility) == {"synced": len(made)}
    assert all(world.link("invoice", invoice) for invoice in invoices)


@pytest.mark.parametrize(
    ("resource", "field"),
    [
        ("Invoice", "TxnTaxDetail"),
        ("Invoice", "CurrencyRef"),
        ("Payment", "UnappliedAmt"),
        ("Payment", "PaymentMethodRef"),
        ("Payment", "Line"),
    ],
)
def test_a_field_that_is_null_is_as_good_as_missing(
    world: World, resource: str, field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hostile, "SPOILS", {"null": lambda record: {**record, field: None}})
    _, customer = linked_account(world)
    odd, sound = in_quickbooks(world, customer), in_quickbooks(world, customer, sale("33.00"))
    paid = received(world, customer, "5.00", pays(sound, "5.00"))
    received(world, customer, "7.00")
    hostility = Hostility(1, records={(resource, (odd if resource == "Invoice" else paid)["Id"]): "null"})
    with before(world, hostility):
        world.both()
    assert of_qbo(world, sound)["total_amount"] == 33
    assert 7 in [one["amount"] for one in world.sql("select amount from lms.payment")]
