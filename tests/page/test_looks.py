"""Every page in light, in dark and on a phone: axe-core finds nothing serious, nothing sticks out sideways.

PILOT_SCREENSHOTS=folder keeps a picture of each.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.page.looks import LOOKS, examine, keep
from tests.support.page.scene import populate
from tests.support.page.site import Site, logged_in
from tests.support.world import World


@pytest.fixture(scope="module")
def scene(site: Site, lms: World) -> Iterator[dict[str, Any]]:
    """A populated page; the capture rests meanwhile, or it would find that the scene's errors are made up."""
    ada = site.visitor("ada").session
    capture = f"{site.base}/api/v2/dags/qbo_change_capture"
    ada.patch(capture, json={"is_paused": True}, timeout=30).raise_for_status()
    try:
        yield populate(lms)
    finally:
        dag = ada.patch(capture, json={"is_paused": False}, timeout=30)
        dag.raise_for_status()
        # Airflow forgets what wakes a paused DAG until it parses the file again.
        again = f"{site.base}/api/v2/parseDagFile/{dag.json()['file_token']}"
        ada.put(again, timeout=30).raise_for_status()


@pytest.fixture(scope="module", params=list(LOOKS))
def look(request: pytest.FixtureRequest, site: Site, browser: Browser) -> Iterator[tuple[str, BrowserContext]]:
    context = logged_in(site, browser, "ada", **LOOKS[request.param])
    yield request.param, context
    context.close()


def pages(scene: dict[str, Any]) -> dict[str, str]:
    """Every page by a name for its picture."""
    labs, errors = scene["labs"], scene["errors"]
    bright, own = labs["Bright Dental Lab"], labs["Harbor Ceramics"]
    return {
        "overview": "/",
        "lab": f"/labs/{bright}",
        "lab-reconnect": f"/labs/{own}",
        "lab-off": f"/labs/{labs['Lakeside Implants']}",
        "connect": "/connect",
        "connect-lab": f"/labs/{labs['Lakeside Implants']}/connect",
        "connect-failed": "/oauth/callback?state=old&code=x",
        "settings": f"/labs/{bright}/settings",
        "disconnect": f"/labs/{bright}/disconnect",
        "errors": "/errors",
        "errors-none": "/errors?q=nothing+like+this",
        "errors-ignored": "/errors?status=ignored",
        "error": f"/errors/{errors[0]}",
        "error-link": f"/errors/{errors[2]}",
        "error-ignored": f"/errors/{errors[4]}",
        "error-two-sides": f"/errors/{errors[5]}",
        "error-same-money": f"/errors/{errors[6]}",
        "error-held": f"/errors/{scene['many']}",
        "held": f"/errors/{scene['many']}/held",
        "held-older": f"/errors/{scene['many']}/held?page=2",
        "sync-again": f"/labs/{bright}/sync-again",
        "activity": "/activity",
        "activity-week": "/activity?window=week",
        "validation": "/validation?dag_id=invoice_lms_to_qbo&run_id=asset_triggered__1",
        "validation-none": "/validation?dag_id=invoice_lms_to_qbo&run_id=long_ago",
        "activity-none": f"/activity?lab={labs['Lakeside Implants']}",
        "lab-not-started": f"/labs/{labs['Summit Removables']}",
        "preview": f"/previews/{scene['preview']}",
        "preview-none": f"/labs/{labs['Summit Removables']}/preview",
        "previews": "/previews",
        "changes": "/changes",
        "books": "/books",
        "books-lab": f"/labs/{bright}/books",
        "books-none": f"/labs/{own}/books",
        "not-found": "/errors/987654321",
    }


def test_no_page_has_a_serious_fault(site: Site, scene: dict[str, Any], look: tuple[str, BrowserContext]) -> None:
    name, context = look
    page = context.new_page()
    console: list[str] = []
    page.on("console", lambda message: console.append(message.text) if message.type == "error" else None)
    faults: dict[str, Any] = {}
    for title, path in pages(scene).items():
        page.goto(site.page + path)
        examine(page, name, title, faults)
    preview(site, page, scene["labs"]["Bright Dental Lab"])
    examine(page, name, "settings-preview", faults)
    page.goto(f"{site.page}/labs/{scene['labs']['Bright Dental Lab']}/sync-again")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"Compare \d+ records?\?"))
    examine(page, name, "sync-again-count", faults)
    page.goto(f"{site.page}/history?q=INV-20452")
    page.get_by_role("link", name="Invoice INV-20452").first.click()
    expect(page.get_by_role("heading", name="Why it is not in QuickBooks")).to_be_visible()
    examine(page, name, "history-not-in-quickbooks", faults)
    page.goto(f"{site.page}/errors")
    page.get_by_label("Select all on this page").check()
    page.get_by_role("button", name="Ignore selected").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"Ignore \d+ errors\?"))
    examine(page, name, "ignore", faults)
    page.close()
    assert not faults
    refused = [line for line in console if "404" not in line and "400" not in line]
    assert not refused, "the page's own policy refuses something of it"


def preview(site: Site, page: Page, lab: int) -> None:
    """The consequences of some changed settings."""
    page.goto(f"{site.page}/labs/{lab}/settings")
    page.get_by_label("Payments").uncheck()
    page.get_by_label("Start date").fill("2026-01-01")
    page.get_by_label("Deposit account").select_option(label="Checking")
    page.get_by_role("button", name="Review changes").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Review changes")


def test_an_error_shows_both_sides_and_marks_what_differs(
    site: Site, scene: dict[str, Any], look: tuple[str, BrowserContext]
) -> None:
    page = look[1].new_page()
    page.goto(f"{site.page}/errors/{scene['errors'][5]}")
    table = page.get_by_role("table", name="The record in Pilot and QuickBooks")
    expect(table).to_contain_text("4 differences, marked with ≠. Read 2")
    rows = {
        label: table.get_by_role("row").filter(has=page.get_by_role("rowheader", name=label, exact=exact))
        for label, exact in (("Date", True), ("Lines", False), ("Total", False), ("Open balance", False))
    }
    expect(rows["Date"].get_by_role("cell")).to_have_text(["11/19/2026", "11/19/2026"])
    expect(rows["Date"]).not_to_contain_text("differs")
    expect(rows["Total"].get_by_role("rowheader")).to_have_text("Total ≠ differs")
    expect(rows["Total"].get_by_role("cell")).to_have_text(["$1,298.50", "$1,383.50"])
    expect(rows["Open balance"].get_by_role("cell")).to_have_text(["$1,298.50", "$883.50"])
    ours, theirs = rows["Lines"].get_by_role("cell").all()
    crown = "Zirconia crown – #14, shade A2: 4 × $285.00 = $1,140.00"
    expect(ours.get_by_role("listitem")).to_have_text([crown, "≠ differs: Night guard: 1 × $140.00 = $140.00"])
    expect(theirs.get_by_role("listitem")).to_have_text(
        [
            crown,
            "≠ differs: Night guard: 1 × $180.00 = $180.00",
            "≠ differs: Digital model – Upper and lower: 1.5 × $30.00 = $45.00",
        ]
    )
    expect(page.get_by_text("QuickBooks ID 1211")).to_be_visible()
    page.close()


def test_a_record_that_is_on_one_side_only_says_so(site: Site, scene: dict[str, Any], admin: BrowserContext) -> None:
    page = admin.new_page()
    page.goto(f"{site.page}/errors/{scene['errors'][0]}")
    table = page.get_by_role("table", name="The record in Pilot and QuickBooks")
    expect(page.get_by_text("Not in QuickBooks yet.")).to_be_visible()
    expect(table.get_by_role("columnheader", name="In Pilot")).to_be_visible()
    expect(table.get_by_role("columnheader", name="In QuickBooks")).to_have_count(0)
    expect(table).to_contain_text("INV-20417")
    expect(table).not_to_contain_text("differs")
    page.goto(f"{site.page}/errors/{scene['errors'][2]}")
    expect(page.get_by_text("Not in Pilot yet.")).to_be_visible()
    expect(table.get_by_role("columnheader", name="In Pilot")).to_have_count(0)
    expect(table.get_by_role("row", name="Customer")).to_contain_text("Park Ave. Dental Associates")
    expect(table.get_by_role("row", name="Paid by")).to_contain_text("Payment of 11/20/2026: $200.00")
    page.goto(f"{site.page}/errors/{scene['errors'][3]}")
    expect(page.get_by_text("Deleted in Pilot.")).to_be_visible()
    expect(page.get_by_text("QuickBooks’ version is shown here after the next sync.")).to_be_visible()
    page.close()


def test_activity_says_what_the_months_calls_were_used_for_and_how_often_each_company_is_checked(
    site: Site, lms: World, scene: dict[str, Any], admin: BrowserContext
) -> None:
    def used() -> Any:
        month = "date_trunc('month', now() at time zone 'utc') at time zone 'utc'"
        return lms.sql(f"select * from qbo_sync.metered_calls(0, {month}, clock_timestamp())")[0]

    def figure(name: str) -> int:
        term = page.locator("dl.figures div").filter(has_text=name).locator("dd")
        return int(term.inner_text().replace(",", ""))

    lms.sql(
        "insert into qbo_sync.poll (realm_id, changed_at) values (%s, now())"
        " on conflict (realm_id) do update set changed_at = excluded.changed_at",
        scene["realm"],
    )
    page, before = admin.new_page(), used()
    page.goto(f"{site.page}/activity")
    after = used()
    assert before["polls"] <= figure("To check what changed") <= after["polls"]
    assert before["proofs"] <= figure("To compare the books") <= after["proofs"]
    others = figure("To sync records")
    assert before["calls"] <= others + figure("To check") + figure("To compare") <= after["calls"]
    table = page.get_by_role("table", name="API calls to QuickBooks")
    for company, words in {
        "Northside Dental Holding": "every 30 sec changes often",
        "Harbor Ceramics LLC": "not now must be reconnected",
        "Summit Removables LLC": "every 30 sec unchanged for a while; answers slowly",
    }.items():
        expect(table.get_by_role("row", name=company).get_by_role("cell").first).to_have_text(words)
    expect(page.get_by_text(re.compile(r"^To make the calls last"))).to_have_count(0)

    def spend(calls: int) -> None:
        """So many calls more have been counted."""
        lms.sql(
            "insert into qbo_sync.metered_month as m (month, calls)"
            " values (date_trunc('month', now() at time zone 'utc'), %s)"
            " on conflict (month) do update set calls = m.calls + excluded.calls",
            calls,
        )

    spend(480_000)
    page.goto(f"{site.page}/activity")
    expect(page.get_by_text(re.compile(r"^To make the calls last until .* companies are checked"))).to_be_visible()
    expect(table.get_by_role("row", name="Northside Dental Holding")).to_contain_text("every day")
    keep(page, "activity-used-up")
    spend(100_000)
    page.goto(f"{site.page}/activity")
    expect(page.get_by_text("The month’s calls are used up.")).to_be_visible()
    spend(-580_000)
    page.close()


def test_it_follows_airflows_own_theme_and_works_by_keyboard(site: Site, browser: Browser) -> None:
    context = logged_in(site, browser, "ada", color_scheme="light")
    context.add_init_script("window.localStorage.setItem('theme', 'dark')")
    page = context.new_page()
    page.goto(f"{site.page}/")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 29)"
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
    context.close()


def test_everything_essential_works_without_javascript(site: Site, browser: Browser, scene: dict[str, Any]) -> None:
    context = logged_in(site, browser, "ada", java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.page}/errors")
    expect(page.get_by_role("button", name="Retry selected")).to_be_visible()
    preview(site, page, scene["labs"]["Bright Dental Lab"])
    page.goto(f"{site.page}/labs/{scene['labs']['Lakeside Implants']}/connect")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert")).to_contain_text("not granted on Intuit’s page")
    context.close()


def test_airflows_frame_in_dark(site: Site, browser: Browser, scene: dict[str, Any]) -> None:
    context = logged_in(site, browser, "ada", color_scheme="dark", viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(f"{site.base}/plugin/quickbooks")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name="Overview")).to_be_visible(timeout=30_000)
    expect(frame.get_by_role("link", name="Back to Airflow")).to_have_count(0)
    keep(page, "in-airflow-dark")
    context.close()
