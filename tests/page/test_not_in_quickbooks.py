"""Why is this invoice not in QuickBooks? Found by its number before anything has happened to it, with each reason."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from html import unescape
from typing import Any

import pytest

from include.page.not_in_quickbooks import Facts, reasons
from tests.support.page.site import Site
from tests.support.quickbooks import make_company
from tests.support.waiting import becomes, changes_taken
from tests.support.world import World

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
#: An invoice that could go out, of a lab that syncs.
READY = Facts(
    lms_id=145,
    lab_id=3,
    lab="Birch Dental Lab",
    dated=date(2026, 6, 1),
    company="Birch Books",
    realm_id="1",
    has_access=True,
    started=True,
    direction="both",
    sync_invoices=True,
)
#: What is so, the words, and where they lead.
REASONS: dict[str, tuple[dict[str, Any], str, str]] = {
    "not connected": ({"realm_id": None}, "Birch Dental Lab, is not connected to QuickBooks.", "/labs/3/connect"),
    "no access": ({"has_access": False}, "lost its access to Birch Books", "/labs/3/connect"),
    "not started": ({"started": False}, "nobody has started its sync", "/labs/3"),
    "direction": ({"direction": "qbo_to_lms"}, "from QuickBooks to Pilot only", "/labs/3/settings"),
    "turned off": ({"sync_invoices": False}, "Invoices are turned off", "/labs/3/settings"),
    "start date": (
        {"start_date": date(2026, 6, 2)},
        "dated 06/01/2026, before the start date of Birch Dental Lab (06/02/2026)",
        "/labs/3/settings",
    ),
    "left alone": ({"left_alone": "Taken back.", "error_id": 7}, "left alone. Taken back.", "/labs/3/sync-again"),
    "error": ({"error_id": 7, "error_status": "open", "marked": True}, "It could not be sent.", "/errors/7"),
    "ignored": ({"error_id": 7, "error_status": "ignored"}, "someone chose to ignore", "/errors/7"),
    "held": ({"held_until": NOON, "marked": True}, "holds new invoices, this one until 12/01/2026", "/labs/3"),
    "failing": ({"failing_since": NOON, "marked": True}, "with Birch Books since 12/01/2026 12:00 UTC", ""),
    "in hand": ({"marked": True, "in_hand": True}, "being sent right now", ""),
    "customer": ({"marked": True, "waits_for_entity": "billing_account"}, "until its customer is in QuickBooks", ""),
    "something": ({"marked": True, "waits_for_entity": "invoice"}, "until another record is in QuickBooks", ""),
    "product": (
        {"marked": True, "waits_for_entity": "product", "waits_for_error": 9},
        "until all of its products are in QuickBooks",
        "/errors/9",
    ),
    "later": ({"marked": True, "tried_at": NOON}, "tried again at 12/01/2026 12:00 UTC", ""),
    "turn": ({"marked": True}, "waits for its turn", ""),
    "nothing": ({}, "Nothing says that it is to be sent.", "/labs/3/sync-again"),
}


@pytest.mark.parametrize(("so", "words", "link"), REASONS.values(), ids=REASONS)
def test_each_reason_says_what_to_do(so: dict[str, Any], words: str, link: str) -> None:
    [reason] = reasons(replace(READY, **so))
    assert words in reason.why and reason.link == link
    assert reason.what_to_do and bool(reason.action) == bool(link)


def test_all_settings_in_its_way_are_told_at_once_and_what_is_there_needs_none() -> None:
    both = replace(READY, sync_invoices=False, start_date=date(2027, 1, 1), error_id=7, marked=True)
    assert [one.link for one in reasons(both)] == ["/labs/3/settings", "/labs/3/settings", "/errors/7"]
    assert reasons(replace(both, linked=True)) == []


# ------------------------------------------------------------------ on the page

SETTING = "update qbo_sync.connection set {} where realm_id = %s"
MARK = "update qbo_sync.change_mark set {} where realm_id = %s and entity = 'invoice'"
ERROR = (
    "insert into qbo_sync.sync_error (billing_lab_id, realm_id, entity, direction, operation, lms_id, error_code,"
    " message, resolution, status, record_entity, record_id)"
    " select billing_lab_id, realm_id, '{0}', 'lms_to_qbo', 'create', {1}, 'qbo_6000', 'No.', 'Look.', '{2}', '{0}',"
    "       '{1}' from qbo_sync.connection where realm_id = %s"
)
#: What is done before the invoice is made and after it, with the company's id; the words.
CASES: dict[str, tuple[str, str, str]] = {
    "no access": (
        "",
        "update qbo_sync.company set status = 'reconnect_required' where realm_id = %s",
        "lost its access",
    ),
    "not started": (SETTING.format("started_at = null"), "", "nobody has started its sync"),
    "direction": (SETTING.format("direction = 'qbo_to_lms'"), "", "from QuickBooks to Pilot only"),
    "turned off": (SETTING.format("sync_invoices = false"), "", "Invoices are turned off"),
    "start date": (SETTING.format("sync_start_date = '2026-06-02'"), "", "before the start date of"),
    "left alone": (
        "",
        "select qbo_sync.leave_alone(%s, 'invoice', {invoice}, null, 'Taken back.', 'olga')",
        "It is left alone. Taken back.",
    ),
    "error": ("", ERROR.format("invoice", "{invoice}", "open"), "It could not be sent."),
    "ignored": ("", ERROR.format("invoice", "{invoice}", "ignored"), "someone chose to ignore"),
    "held": (SETTING.format("hold_invoices = 'days', hold_days = 365"), "", "holds new invoices, this one until"),
    "failing": (
        "",
        "update qbo_sync.company_trouble set failures = 2 where realm_id = %s",
        "has not been able to sync with Maple Books since",
    ),
    "in hand": ("", MARK.format("extracted_at = clock_timestamp()"), "being sent right now"),
    "waits": ("", MARK.format("waits_for_entity = 'product', waits_for_id = '0'"), "until all of its products are"),
    "later": ("", MARK.format("attempt_after = clock_timestamp() + interval '1 day'"), "is tried again at"),
    "turn": ("", "", "waits for its turn"),
    "nothing": ("", "delete from qbo_sync.change_mark where realm_id = %s", "Nothing says that it is to be sent."),
}
#: Runs leave a company out that fails and rests: nothing of it moves while a test looks.
RESTS = (
    "insert into qbo_sync.company_trouble (realm_id, retry_at, alone_until, error, dag_id, shown)"
    " values (%s, clock_timestamp() + interval '1 day', clock_timestamp(), 'Resting', 'invoice_lms_to_qbo', true)"
)


def reading(site: Site, world: World, number: str) -> Callable[[], str]:
    """The way of somebody who asks after an invoice: the search by its number, and the page that it leads to."""
    vera = site.visitor("vera")

    def read() -> str:
        found = vera.get("/history", params={"q": number, "lab": str(world.lab)}).text
        assert found.count(f">Invoice {number}</a>") == 1, "found once by its number"
        link = unescape(found.split(f'">Invoice {number}</a>')[0].rpartition('href="/quickbooks')[2])
        answer = vera.get(link)
        assert answer.status_code == 200 and f"Invoice {number}" in answer.text
        return unescape(answer.text)

    return read


@pytest.fixture
def resting(lms: World) -> Iterator[World]:
    """A lab whose company rests; disconnected afterwards, and nothing is left of what a test has made up."""
    company = make_company(lms.qbo.url, "Maple Books")
    world = replace(lms, qbo=company, lab=lms.billing_lab("Maple Dental Lab"))
    world.connect(world.lab, company)
    world.sql(RESTS, company.realm)
    yield world
    world.disconnect()
    for table in ("left_alone", "sync_error", "company_trouble", "change_mark"):
        world.sql(f"delete from qbo_sync.{table} where realm_id = %s", company.realm)


@pytest.mark.parametrize(("before", "after", "words"), CASES.values(), ids=CASES)
def test_it_is_found_by_its_number_and_says_why(
    site: Site, resting: World, before: str, after: str, words: str
) -> None:
    world, company = resting, resting.qbo
    if before:
        world.sql(before, company.realm)
    changes_taken(world)
    invoice = world.simple_invoice(world.account("Maple Family Dental"))
    changes_taken(world)
    if after:
        world.sql(after.format(invoice=invoice), company.realm)
    text = reading(site, world, world.lms_invoice(invoice)["invoice_number"])()
    assert "Why it is not in QuickBooks" in text and words in text
    assert "Maple Family Dental" in text and "$100.00" in text and "Entered in Pilot" in text
    assert text.count("What to do:") == 1


def test_one_of_a_lab_that_is_not_connected_is_found_until_it_is_in_quickbooks(site: Site, lms: World) -> None:
    company = make_company(lms.qbo.url, "Cedar Books")
    world = replace(lms, qbo=company, lab=lms.billing_lab("Cedar Dental Lab"))
    invoice = world.simple_invoice()
    number = world.lms_invoice(invoice)["invoice_number"]
    read = reading(site, world, number)
    assert "Its lab, Cedar Dental Lab, is not connected to QuickBooks." in read()
    vera = site.visitor("vera")
    for other in ({"amount": "100.01"}, {"lab": str(lms.billing_lab("Another Lab"))}, {"until": "2026-01-01"}):
        assert f"Invoice {number}" not in vera.get("/history", params={"q": number, **other}).text
    assert f"Invoice {number}" in vera.get("/history", params={"q": number[:-1].lower(), "amount": "100"}).text
    world.connect(world.lab, company)
    becomes(lambda: bool(world.link("invoice", invoice)), True)
    text = read()
    assert "Why it is not in QuickBooks" not in text and "created in QuickBooks" in text
