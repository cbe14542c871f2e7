"""Who changed this invoice? Search and timeline, of what the DAGs really did on a running stack."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.support.bookkeeper import pays, received
from tests.support.page.looks import LOOKS, examine
from tests.support.page.site import Site, logged_in
from tests.support.quickbooks import make_company
from tests.support.waiting import becomes, changes_taken
from tests.support.world import World

CUSTOMER = "Maple Grove Dental <b>& Sons</b>"


@dataclass
class Told:
    """An invoice with a history."""

    lab: int
    realm: str
    invoice: int
    number: str
    payment: int

    @property
    def path(self) -> str:
        """Its history."""
        return f"/history/record?realm={self.realm}&entity=invoice&lms={self.invoice}"


@pytest.fixture(scope="module")
def told(lms: World) -> Iterator[Told]:
    """Invoiced in Pilot, a price changed and a payment entered in QuickBooks, an error ignored on the page."""
    company = make_company(lms.qbo.url, "Maple Grove Books")
    world = replace(lms, qbo=company, lab=lms.billing_lab("Timeline Dental Lab"))
    world.connect(world.lab, company)
    changes_taken(world)
    account = world.account(CUSTOMER)
    product = world.product("Crown of the timeline", price="120.50")
    case = world.case(world.pair(account), [{"product": product, "price": "120.50", "notation": "#14, shade A2"}])
    invoice = world.invoice(case)

    def written(entity: str, lms_id: int) -> list[str]:
        found = world.sql(
            "select side, operation from qbo_sync.audit_entry where realm_id = %s and entity = %s and lms_id = %s"
            " order by id",
            company.realm,
            entity,
            lms_id,
        )
        return [f"{one['side']} {one['operation']}" for one in found]

    becomes(lambda: written("invoice", invoice), ["qbo create"])
    body = world.qbo_invoice(invoice)
    line = {**body["Line"][0], "Amount": 150}
    line["SalesItemLineDetail"] = {**line["SalesItemLineDetail"], "UnitPrice": 150}
    company.call("invoice", {"Id": body["Id"], "SyncToken": body["SyncToken"], "sparse": True, "Line": [line]})
    world.capture()
    becomes(lambda: written("invoice", invoice), ["qbo create", "lms update"])
    received(world, body["CustomerRef"]["value"], "50.00", pays(body, "50.00"))
    world.capture()
    becomes(lambda: written("invoice", invoice), ["qbo create", "lms update", "lms update"])
    of_payment = "select max(lms_id) from qbo_sync.entity_link where realm_id = %s and entity = 'payment'"
    becomes(lambda: world.value(of_payment, company.realm) is not None, True)
    number = world.lms_invoice(invoice)["invoice_number"]
    error = world.value(
        "insert into qbo_sync.sync_error (billing_lab_id, realm_id, entity, direction, operation, lms_id,"
        " document_number, error_code, message, resolution, status, record_entity, record_id)"
        " values (%s, %s, 'invoice', 'lms_to_qbo', 'update', %s, %s, 'qbo_6000', 'It could not be changed.', 'Look.',"
        " 'ignored', 'invoice', %s) returning id",
        world.lab,
        company.realm,
        invoice,
        number,
        str(invoice),
    )
    world.sql(
        "insert into qbo_sync.page_change (user_name, action, billing_lab_id, realm_id, sync_error_id, detail)"
        " values ('uma', 'ignore', %s, %s, %s, '{\"reason\": \"Talked to the practice\"}')",
        world.lab,
        company.realm,
        error,
    )
    yield Told(world.lab, company.realm, invoice, number, world.value(of_payment, company.realm))


@pytest.fixture(scope="module", params=list(LOOKS))
def look(request: pytest.FixtureRequest, site: Site, browser: Browser) -> Iterator[tuple[str, BrowserContext]]:
    context = logged_in(site, browser, "vera", **LOOKS[request.param])
    yield request.param, context
    context.close()


def card(page: Page, title: str) -> Locator:
    """An event of the timeline."""
    return page.get_by_role("listitem").filter(has=page.get_by_role("heading", name=title, exact=True))


def test_a_viewer_finds_an_invoice_and_reads_who_changed_it(
    site: Site, told: Told, look: tuple[str, BrowserContext]
) -> None:
    name, context = look
    page, faults = context.new_page(), dict[str, Any]()
    page.goto(f"{site.page}/")
    page.get_by_role("link", name="History", exact=True).click()
    page.get_by_label("Number or customer").fill("maple grove dental <b>")
    page.get_by_label("Lab").select_option(label="Timeline Dental Lab")
    page.get_by_role("button", name="Search").click()
    examine(page, name, "history", faults)
    found = page.get_by_role("table", name="Records").get_by_role("row").filter(has_text=told.number)
    expect(found).to_contain_text(CUSTOMER)
    expect(found).to_contain_text("$150.00")
    expect(found).to_contain_text("Changed in QuickBooks, brought to Pilot")
    found.get_by_role("link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Invoice {told.number}")
    examine(page, name, "history-record", faults)

    headings = page.get_by_role("heading", level=3)
    expect(headings.last).to_have_text("Entered in Pilot")
    sent = card(page, "Entered in Pilot, created in QuickBooks")
    expect(sent).to_contain_text("by run invoice_lms_to_qbo")
    expect(sent).to_contain_text("HTTP 200")
    changed = card(page, "Changed in QuickBooks, brought to Pilot").last
    expect(changed.get_by_role("link", name=re.compile("invoice_qbo_to_lms"))).to_have_attribute(
        "href", re.compile(r"/dags/invoice_qbo_to_lms/runs/.+")
    )
    total = changed.get_by_role("row").filter(has_text="Total")
    expect(total.get_by_role("cell")).to_have_text(["$120.50", "$150.00"])
    paid = card(page, "Changed in QuickBooks, brought to Pilot").first
    expect(paid.get_by_role("row").filter(has_text="Open balance").get_by_role("cell")).to_have_text(
        ["$150.00", "$100.00"]
    )
    expect(paid).not_to_contain_text("Crown")  # the case's lines stay at its price, which is no news
    expect(card(page, "On this page")).to_contain_text("Talked to the practice")
    expect(page.get_by_role("link", name="It could not be changed.")).to_be_visible()

    page.get_by_role("link", name="It could not be changed.").click()
    page.get_by_role("link", name="Everything that happened to this record").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Invoice {told.number}")
    page.goto(f"{site.page}/history?q=nothing+like+this")
    examine(page, name, "history-none", faults)
    page.close()
    assert not faults


def test_a_search_takes_amounts_days_and_numbers_and_says_what_it_cannot_read(site: Site, told: Told) -> None:
    vera = site.visitor("vera")

    def shows(**asked: str) -> bool:
        answer = vera.get("/history", params={"lab": str(told.lab), **asked})
        assert answer.status_code == 200
        return f"Invoice {told.number}<" in answer.text

    assert shows(q=told.number[:-1].lower()) and not shows(q=told.number[1:])
    assert shows(amount="$150.00") and shows(amount="120.5") and not shows(amount="150.01")
    assert shows(since="2026-01-01") and not shows(until="2026-01-01") and not shows(since="2199-01-01")
    assert shows(until="9999-12-31") and not shows(since="9999-12-31")
    assert not shows(q="100%") and not shows(q="_")
    for name, text in (("amount", "a lot"), ("amount", "NaN"), ("since", "yesterday")):
        answer = vera.get("/history", params={name: text})
        assert answer.status_code == 422 and "Enter a" in answer.text
    assert vera.get("/history", params={"since": "2026-02-02", "until": "2026-02-01"}).status_code == 422
    payment = vera.get(f"/history/record?realm={told.realm}&entity=payment&lms={told.payment}")
    assert "Entered in QuickBooks, added to Pilot" in payment.text
    for unknown in ("", "?realm=1&entity=invoice", f"?realm={told.realm}&entity=invoice&lms=987654321",
                    f"?realm={told.realm}&entity=nonsense&lms=1"):  # fmt: skip
        assert vera.get(f"/history/record{unknown}").status_code == 404
