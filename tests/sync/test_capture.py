"""Change capture: nothing is missed, nothing is marked twice, nothing of ours comes back (fact 5)."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from include.qbo import cdc
from tests.support.bookkeeper import fresh, in_quickbooks, remove, sale
from tests.support.both_sides import customer_of, linked_account, number_taken, of_qbo
from tests.support.interruptions import an_answer_that_is_unclear, capture_failing_at_its_end
from tests.support.world import World

Json = dict[str, Any]


def marks(world: World) -> set[tuple[str, str]]:
    """What is marked for the way to the LMS."""
    rows = world.sql("select entity, record_id from qbo_sync.change_mark where direction = 'qbo_to_lms'")
    return {(row["entity"], row["record_id"]) for row in rows}


def in_batches(world: World, entity: str, bodies: Sequence[Json], operation: str = "create") -> list[Json]:
    """Many records made or changed, 30 a request."""
    made: list[Json] = []
    for start in range(0, len(bodies), 30):
        items = [
            {"bId": str(position), "operation": operation, entity: body}
            for position, body in enumerate(bodies[start : start + 30])
        ]
        answer = world.qbo.call("batch", {"BatchItemRequest": items})
        made += [item[entity] for item in answer["BatchItemResponse"]]
    return made


def bills(world: World, customer: str, count: int, numbered: str = "B") -> list[Json]:
    return in_batches(
        world,
        "Invoice",
        [
            {
                "CustomerRef": {"value": customer},
                "DocNumber": f"{numbered}-{n}",
                "TxnDate": "2026-06-20",
                "Line": [sale("10.00")],
            }
            for n in range(count)
        ],
    )


def pays_in_full(customer: str, bill: Json) -> Json:
    """A payment's body."""
    line = {"Amount": bill["TotalAmt"], "LinkedTxn": [{"TxnId": bill["Id"], "TxnType": "Invoice"}]}
    return {"CustomerRef": {"value": customer}, "TotalAmt": bill["TotalAmt"], "Line": [line]}


@pytest.fixture
def clock(world: World) -> Iterator[World]:
    """A world whose sandbox clock the test may set; afterwards it is the wall clock again."""
    yield world
    world.qbo.control("POST", "clock", {"frozen": False})
    world.qbo.control("POST", "clock", {"offset_seconds": 0})


def test_the_first_capture_finds_what_was_there_before(world: World) -> None:
    stranger = world.qbo.create("Customer", DisplayName="Old customer")
    made = in_quickbooks(world, stranger["Id"])
    payment = world.qbo.create("Payment", CustomerRef={"value": stranger["Id"]}, TotalAmt=10)
    assert world.capture()["marked"] == 2
    assert marks(world) == {("invoice", made["Id"]), ("payment", payment["Id"])}


@pytest.mark.rule("8.1.e")
def test_a_capture_that_is_repeated_marks_nothing(world: World) -> None:
    _, customer = linked_account(world)
    in_quickbooks(world, customer)
    assert world.capture()["marked"] == 1
    assert world.capture() == {"seen": 0, "marked": 0}
    world.bring()
    assert world.capture() == {"seen": 0, "marked": 0}


@pytest.mark.rule("8.2.a")
@pytest.mark.trap(53)
def test_what_we_wrote_ourselves_is_not_marked(world: World) -> None:
    world.capture()
    for _ in range(3):
        world.simple_invoice(tax="1.00")
    world.run()
    world.run()
    counts = world.capture()
    assert counts["seen"] >= 3 + 3 + 3 + 1
    assert counts["marked"] == 0
    case = world.case(world.pair(world.account()), [{"product": world.product()}])
    world.invoice(case)
    world.both()
    world.sql("select lms.uninvoice_case(%s)", case)
    world.run()
    assert world.capture()["marked"] == 0, "nor what we deleted"


@pytest.mark.rule("8.1.e")
def test_a_capture_that_dies_before_it_commits_is_as_if_it_had_never_been(world: World) -> None:
    world.capture()
    stranger = world.qbo.create("Customer", DisplayName="Stranger")
    made = in_quickbooks(world, stranger["Id"])
    with capture_failing_at_its_end():
        world.capture()
    assert marks(world) == set()
    world.capture()
    assert marks(world) == {("invoice", made["Id"])}


def test_a_dry_run_counts_what_changed_and_leaves_it_to_the_next_capture(world: World) -> None:
    world.capture()
    stranger = world.qbo.create("Customer", DisplayName="Stranger")
    made = in_quickbooks(world, stranger["Id"])
    before = [world.sql(f"select * from qbo_sync.{table}") for table in ("qbo_cursor", "qbo_seen")]
    assert world.capture(dry_run=True)["marked"] == 1
    assert marks(world) == set()
    assert [world.sql(f"select * from qbo_sync.{table}") for table in ("qbo_cursor", "qbo_seen")] == before
    assert world.capture()["marked"] == 1
    assert marks(world) == {("invoice", made["Id"])}


def test_several_labs_on_a_company_read_it_once(world: World) -> None:
    world.connect(world.billing_lab("Second Lab"), world.qbo)
    world.capture()
    world.qbo.control("POST", "stats/reset")
    assert world.captured_companies() == [world.qbo.realm]
    world.capture()
    stats = world.qbo.control("GET", "stats")
    assert stats["requests"]["cdc"] == 1
    assert stats["requests"]["total"] == 1


@pytest.mark.setting("connected")
def test_a_lab_that_is_connected_later_has_everything_compared(world: World) -> None:
    world.capture()
    stranger = world.qbo.create("Customer", DisplayName="Stranger")
    made = in_quickbooks(world, stranger["Id"])
    world.capture()
    world.sql("delete from qbo_sync.change_mark")
    world.connect(world.billing_lab("Second Lab"), world.qbo)
    world.capture()
    assert marks(world) == {("invoice", made["Id"])}
    assert world.capture()["marked"] == 0


@pytest.mark.trap(20, 25)
def test_a_gap_of_more_than_thirty_days_compares_everything_and_finds_deletions(world: World) -> None:
    invoice, gone = world.simple_invoice(), world.simple_invoice()
    world.both()
    kept = world.qbo_invoice(invoice)
    remove(world, world.qbo_invoice(gone))
    world.qbo.update("Invoice", kept, Line=[sale("120.00")])
    world.sql("update qbo_sync.qbo_cursor set changed_since = changed_since - interval '40 days'")
    world.fetch()
    assert world.sql("select id, total_amount from lms.invoice") == [{"id": invoice, "total_amount": 120}]
    assert world.capture()["marked"] == 0
    assert world.value("select changed_since > now() - interval '1 hour' from qbo_sync.qbo_cursor")


@pytest.mark.setting("sync_start_date")
def test_the_comparison_leaves_what_is_dated_before_every_start_date(world: World) -> None:
    customer = world.qbo.create("Customer", DisplayName="Old customer")["Id"]
    in_quickbooks(world, customer, TxnDate="2025-12-31")
    made = in_quickbooks(world, customer, TxnDate="2026-01-01")
    world.sql("update qbo_sync.connection set sync_start_date = '2026-01-01'")
    world.capture()
    assert marks(world) == {("invoice", made["Id"])}


@pytest.mark.parametrize("first", [True, False])
def test_a_start_date_that_moves_while_everything_is_compared_brings_what_it_lets_in(
    clock: World, monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    world = clock
    _, customer = linked_account(world)
    world.qbo.control("POST", "clock", {"offset_seconds": -86_400})
    in_quickbooks(world, customer, TxnDate="2026-02-02")
    world.qbo.control("POST", "clock", {"offset_seconds": 0})
    world.sql("update qbo_sync.connection set sync_start_date = '2026-06-01'")
    if first:
        world.sql("delete from qbo_sync.qbo_cursor")
    else:
        world.sql("update qbo_sync.qbo_cursor set compare_asked_at = now()")
    everything = cdc.all_transactions

    def meanwhile(*args: Any) -> Any:
        world.sql("update qbo_sync.connection set sync_start_date = '2026-01-01' where sync_start_date > '2026-01-01'")
        return everything(*args)

    with monkeypatch.context() as patch:
        patch.setattr(cdc, "all_transactions", meanwhile)
        world.capture()
    world.both()
    assert world.value("select count(*) from lms.invoice where invoice_date = '2026-02-02'") == 1


@pytest.mark.trap(27)
def test_the_hour_that_comes_twice_in_autumn(clock: World) -> None:
    world = clock
    stranger = world.qbo.create("Customer", DisplayName="Stranger")["Id"]
    world.qbo.control("POST", "clock", {"frozen": True})
    world.qbo.control("POST", "clock", {"now": "2026-11-01T01:59:50-07:00"})
    world.capture()
    first = in_quickbooks(world, stranger)
    assert first["MetaData"]["LastUpdatedTime"].endswith("-07:00")
    world.capture()
    world.qbo.control("POST", "clock", {"advance_seconds": 20})
    changed = world.qbo.update("Invoice", first, PrivateNote="an hour earlier, by the look of it")
    assert changed["MetaData"]["LastUpdatedTime"] == "2026-11-01T01:00:10-08:00"
    world.sql("delete from qbo_sync.change_mark")
    assert world.capture()["marked"] == 1
    world.qbo.control("POST", "clock", {"advance_seconds": 600})
    second = in_quickbooks(world, stranger)
    world.sql("delete from qbo_sync.change_mark")
    world.capture()
    assert marks(world) == {("invoice", second["Id"])}
    assert world.value("select changed_since = '2026-11-01T09:07:10Z'::timestamptz from qbo_sync.qbo_cursor")


def test_a_change_that_shows_late_is_not_missed(world: World) -> None:
    stranger = world.qbo.create("Customer", DisplayName="Stranger")["Id"]
    switches = f"companies/{world.qbo.realm}/switches"
    world.qbo.control("POST", switches, {"cdc_lag_seconds": 60})
    world.capture()
    made = in_quickbooks(world, stranger)
    assert world.capture()["marked"] == 0
    world.qbo.control("POST", switches, {"cdc_lag_seconds": 0})
    world.capture()
    assert marks(world) == {("invoice", made["Id"])}


@pytest.mark.trap(24)
@pytest.mark.parametrize("inclusive", [True, False])
def test_the_cap_is_shared_and_one_busy_entity_hides_no_other(world: World, inclusive: bool) -> None:
    world.qbo.control("POST", f"companies/{world.qbo.realm}/switches", {"cdc_inclusive": inclusive})
    world.capture()
    people = in_batches(world, "Customer", [{"DisplayName": f"Customer {n}"} for n in range(1010)])
    made = in_quickbooks(world, people[0]["Id"])
    world.capture()
    assert marks(world) == {("invoice", made["Id"])}
    assert world.value("select count(*) from qbo_sync.qbo_seen where resource = 'Customer'") == 1010


def test_a_backlog_arrives_complete_and_once_with_what_was_deleted_in_it(world: World) -> None:
    account = world.account()
    gone, _ = world.simple_invoice(account), world.simple_invoice(account)
    world.both()
    customer = customer_of(world, account)
    made = bills(world, customer, 1050)
    remove(world, world.qbo_invoice(gone))
    payments = in_batches(world, "Payment", [pays_in_full(customer, bill) for bill in made[:60]])
    counts = world.fetch()
    assert counts["created"] == 1050 + 60
    assert (counts["deleted"], counts["failed"]) == (1, 0)
    assert world.value("select count(*) from lms.invoice where origin = 'qbo'") == 1050
    assert world.value("select count(*) from lms.invoice where origin = 'qbo' and balance = 0") == 60
    assert world.value("select count(*) from lms.payment_application") == len(payments)
    assert world.capture()["marked"] == 0


@pytest.mark.long
def test_five_thousand_changed_invoices_and_payments_arrive_complete_and_once(world: World) -> None:
    """2,000 known invoices with another amount, 1,500 new ones, 1,500 payments: one gap between two captures."""
    account = world.account()
    world.simple_invoice(account)
    world.both()
    customer = customer_of(world, account)
    known = bills(world, customer, 2000)
    assert world.fetch()["created"] == 2000
    changed = in_batches(
        world,
        "Invoice",
        [
            {"Id": one["Id"], "SyncToken": one["SyncToken"], "sparse": True, "Line": [sale(f"{20 + number % 80}.25")]}
            for number, one in enumerate(known)
        ],
        operation="update",
    )
    new = bills(world, customer, 1500, numbered="N")
    in_batches(world, "Payment", [pays_in_full(customer, one) for one in [*changed[:750], *new[:750]]])
    counts = world.fetch()
    assert (counts["created"], counts["updated"], counts["failed"]) == (1500 + 1500, 2000, 0)
    theirs = world.qbo.call("query", query="SELECT COUNT(*) FROM Invoice")
    assert theirs["QueryResponse"]["totalCount"] == world.value("select count(*) from lms.invoice") == 1 + 2000 + 1500
    sums = world.sql("select sum(total_amount) as total, sum(balance) as balance from lms.invoice where origin = 'qbo'")
    total = sum(one["TotalAmt"] for one in [*changed, *new])
    paid = sum(one["TotalAmt"] for one in [*changed[:750], *new[:750]])
    assert sums == [{"total": total, "balance": total - paid}]
    assert world.value("select sum(amount) from lms.payment") == paid
    assert world.value("select count(*) from lms.payment_application") == 1500
    assert world.capture()["marked"] == 0
    assert world.bring() == {}


def test_a_deleted_record_that_nobody_knows_is_no_matter(world: World) -> None:
    world.capture()
    stranger = world.qbo.create("Customer", DisplayName="Stranger")
    remove(world, in_quickbooks(world, stranger["Id"]))
    assert world.capture()["marked"] == 0


@pytest.mark.rule("8.3.d")
def test_a_name_that_comes_free_is_tried_again_at_once(world: World) -> None:
    holder = world.qbo.create("Vendor", DisplayName="Zahn Dental")
    invoice = world.simple_invoice(world.account("Zahn Dental"))
    world.both()
    assert [error["error_code"] for error in world.errors()] == ["name_taken"]
    world.qbo.update("Vendor", holder, DisplayName="Zahn Dental (supplier)")
    world.both()
    assert world.errors() == []
    assert world.qbo_invoice(invoice)


@pytest.mark.rule("8.3.d")
def test_a_number_that_comes_free_is_tried_again_at_once(world: World) -> None:
    invoice, holder = number_taken(world)
    world.run()
    world.run()
    assert [error["error_code"] for error in world.errors()] == ["qbo_6140"]
    world.qbo.update("Invoice", fresh(world, holder), DocNumber="W-1")
    world.both()
    assert world.errors() == []
    assert world.qbo_invoice(invoice)


@pytest.mark.setting("connected")
def test_a_company_that_is_not_connected_is_left_alone(world: World) -> None:
    world.sql("update qbo_sync.company set status = 'reconnect_required'")
    assert world.captured_companies() == []


def test_the_link_of_an_invoice_knows_the_version_that_quickbooks_has(world: World) -> None:
    _, customer = linked_account(world)
    made = in_quickbooks(world, customer)
    world.fetch()
    world.qbo.update("Invoice", made, PrivateNote="x")
    world.fetch()
    link = world.link("invoice", of_qbo(world, made)["id"])
    assert link
    assert link["sync_token"] == fresh(world, made)["SyncToken"]


@pytest.mark.parametrize("for_one", [False, True])
def test_what_cannot_be_told_from_an_answer_at_the_cap_is_asked_again(
    world: World, for_one: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it stands in the answer for all resources together, or only in that for one of them."""
    _, customer = linked_account(world)
    world.capture()
    before = world.value("select changed_since from qbo_sync.qbo_cursor")
    in_quickbooks(world, customer)
    monkeypatch.setattr(cdc, "CAP", 1)
    with an_answer_that_is_unclear(for_one=for_one):
        assert world.capture()["marked"] == 1
    assert world.value("select changed_since from qbo_sync.qbo_cursor") == before
    world.capture()
    assert world.value("select changed_since from qbo_sync.qbo_cursor") > before
