"""Undo a run on the page, in a real browser: from an invoice's history, checked first, then taken back."""

import re
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.page.looks import LOOKS, examine
from tests.support.page.site import Site, logged_in
from tests.support.quickbooks import make_company
from tests.support.waiting import becomes, changes_taken
from tests.support.world import World


@pytest.fixture(scope="module")
def synced(lms: World) -> World:
    """Two invoices that one lab has in QuickBooks; the bookkeeper has touched the second."""
    company = make_company(lms.qbo.url, "Willow Books")
    world = replace(lms, qbo=company, lab=lms.billing_lab("Willow Dental Lab"))
    world.connect(world.lab, company)
    changes_taken(world)
    account, product = world.account("Willow Creek Dental"), world.product("Crown of an undo")
    pair = world.pair(account)
    cases = [world.case(pair, [{"product": product}]) for _ in range(2)]
    with world.connection.transaction():
        for case in cases:
            world.connection.execute("select lms.invoice_case(%s, date '2026-06-01', 0, 0)", [case])
    links = "select count(*) from qbo_sync.entity_link where realm_id = %s and entity = 'invoice'"
    becomes(lambda: world.value(links, company.realm), 2)  # QuickBooks has them a moment before that
    return world


def test_a_run_is_checked_and_taken_back(site: Site, synced: World, browser: Browser) -> None:
    world, company, faults = synced, synced.qbo, dict[str, Any]()
    touched, kept = company.all("Invoice")
    company.update("Invoice", touched, PrivateNote="Called the practice")
    [invoice] = world.sql(
        "select lms_id from qbo_sync.entity_link where realm_id = %s and entity = 'invoice' and qbo_id = %s",
        company.realm,
        kept["Id"],
    )
    context = logged_in(site, browser, "ada", **LOOKS["light"])
    page = context.new_page()
    page.goto(f"{site.page}/history/record?realm={company.realm}&entity=invoice&lms={invoice['lms_id']}")
    page.get_by_role("link", name="Undo this run").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Undo a run")
    examine(page, "light", "undo-start", faults)
    page.get_by_role("button", name="Check what can be taken back").click()
    finished(page)
    expect(page.get_by_text("1 record can be taken back.")).to_be_visible()
    left = page.get_by_role("table", name="Left as they are (1)")
    # Whether the change capture was quicker, nobody knows.
    expect(left).to_contain_text(re.compile("changed in QuickBooks since|not synced yet|later sync has changed it"))
    assert len(company.all("Invoice")) == 2, "a check writes nothing"
    examine(page, "light", "undo-checked", faults)
    page.get_by_role("button", name="Take back 1 record").click()
    finished(page)
    expect(page.get_by_role("status")).to_contain_text("1 record taken back")
    examine(page, "light", "undo-done", faults)
    assert [one["Id"] for one in company.all("Invoice")] == [touched["Id"]]
    page.get_by_role("link", name="Sync again…").click()
    expect(page.get_by_label("Only these IDs in Pilot")).to_have_value(str(invoice["lms_id"]))
    page.get_by_role("button", name="Continue").click()
    examine(page, "light", "undo-again", faults)
    page.get_by_role("button", name="Sync again").click()
    becomes(lambda: len(company.all("Invoice")), 2)
    page.goto(f"{site.page}/history/record?realm={company.realm}&entity=invoice&lms={invoice['lms_id']}")
    expect(page.get_by_role("heading", name="Taken back: as it was before a sync")).to_be_visible()
    context.close()
    assert not faults


def finished(page: Page) -> None:
    """The page refreshes itself until the DAG has run."""
    expect(page.get_by_text("Pilot is working on it")).to_have_count(0, timeout=180_000)
    expect(page.get_by_role("heading", level=2).first).to_have_text(
        re.compile("Would be taken back|Taken back"), timeout=180_000
    )


def test_who_may_only_look_cannot_undo(site: Site, synced: World) -> None:
    [entry] = synced.sql(
        "select dag_id, run_id from qbo_sync.audit_entry where realm_id = %s and entity = 'invoice' limit 1",
        synced.qbo.realm,
    )
    query = {"dag_id": entry["dag_id"], "run_id": entry["run_id"], "realm": synced.qbo.realm}
    vera = site.visitor("vera")
    answer = vera.get("/undo", params=query)
    assert answer.status_code == 200 and "<button" not in answer.text.split("<main")[1]
    assert vera.get("/undo", params={**query, "run_id": "none"}).status_code == 404
