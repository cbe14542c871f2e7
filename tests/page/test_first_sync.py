"""From the connection to the first sync, in a real browser: preview first, read it, download it, start."""

import csv
import io
import os
import re
from pathlib import Path

from playwright.sync_api import BrowserContext, expect

from tests.support.page.site import Site
from tests.support.page.visitor import begin, consent, path_of
from tests.support.quickbooks import QuickBooks
from tests.support.waiting import changes_taken, eventually
from tests.support.world import World

KEEP = os.environ.get("PILOT_SCREENSHOTS")


def test_a_lab_is_connected_previewed_and_started(
    site: Site, lms: World, company: QuickBooks, lab: int, admin: BrowserContext
) -> None:
    practice, crown = lms.account("Elm Street Dental"), lms.product("Crown (first sync)", "80.00")
    pair = lms.pair(practice)
    bills = [lms.invoice(lms.case(pair, [{"product": crown, "price": "80.00"}], lab=lab)) for _ in range(2)]
    lms.payment(practice, "30.00", {bills[0]: "30.00"}, lab=lab)
    held = lms.account("Oak Street Dental")
    lms.invoice(lms.case(lms.pair(held), [{"product": crown}], lab=lab))
    company.create("Vendor", DisplayName="Oak Street Dental")
    page = admin.new_page()
    page.goto(f"{site.page}/labs/{lab}/connect")
    expect(page.get_by_label("Preview first (recommended)")).to_be_checked()
    page.get_by_role("button", name="Continue").click()
    page.get_by_label(company.realm).check()
    page.get_by_role("button", name="Connect").click()
    # The page refreshes itself until the DAG has run.
    expect(page).to_have_url(re.compile(r"/(labs/\d+/preview|previews/\d+)"))
    if KEEP:
        Path(KEEP).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{KEEP}/preview-being-made.png", full_page=True)
    expect(page).to_have_url(re.compile(r"/previews/\d+"), timeout=180_000)
    expect(page.get_by_role("heading", level=1)).to_have_text("Preview for Doorway Dental")
    table = page.get_by_role("table", name="In QuickBooks")
    invoices = table.get_by_role("row", name="Invoices")
    expect(invoices.get_by_role("cell").nth(0)).to_have_text("2 $160.00")
    expect(invoices.get_by_role("cell").nth(4)).to_have_text("1 $100.00")
    expect(table.get_by_role("row", name="Payments").get_by_role("cell").nth(0)).to_have_text("1 $30.00")
    expect(page.get_by_text("Oak Street Dental (vendor)")).to_be_visible()
    assert not company.all("Customer") and not company.all("Invoice"), "nothing was written"
    assert lms.link("invoice", bills[0]) is None
    if KEEP:
        page.screenshot(path=f"{KEEP}/preview-of-a-first-sync.png", full_page=True)
    with page.expect_download() as downloaded:
        page.get_by_role("link", name="Download CSV").click()
    lines = list(csv.DictReader(io.StringIO(Path(downloaded.value.path()).read_text("utf-8-sig"))))
    created = [one for one in lines if one["Record type"] == "Invoice" and one["Step"] == "Create"]
    assert [(one["Side"], one["Customer"], one["Amount"]) for one in created] == [
        ("QuickBooks", "Elm Street Dental", "80.00")
    ] * 2
    page.get_by_label("Step").select_option("Problem")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("table", name="Records").get_by_role("row")).to_have_count(2)
    page.get_by_role("button", name="Start syncing").click()
    expect(page.get_by_role("status")).to_contain_text("Started. Your records are syncing now.")
    eventually(lambda: all(lms.link("invoice", bill) for bill in bills))
    assert sorted(one["TotalAmt"] for one in company.all("Invoice")) == [80, 80]
    page.close()


def test_who_may_run_the_sync_may_preview_and_start_and_nobody_else(
    site: Site, lms: World, company: QuickBooks, lab: int
) -> None:
    ada, uma, vera = (site.visitor(name) for name in ("ada", "uma", "vera"))
    assert ada.get(path_of(consent(begin(ada, lab, first="preview"), company.realm))).status_code == 303
    changes_taken(lms)
    for path in (f"/labs/{lab}/preview", f"/labs/{lab}/start"):
        assert vera.post(path, csrf=ada.csrf(f"/labs/{lab}")).status_code == 403
        assert uma.post(path, csrf="wrong").status_code == 403
    assert lms.value("select started_at from qbo_sync.connection where billing_lab_id = %s", lab) is None
    assert "Start" not in vera.get(f"/labs/{lab}").text.partition("Not started")[2].partition("Connection")[0]
    assert uma.post(f"/labs/{lab}/preview", csrf=uma.csrf(f"/labs/{lab}")).status_code == 303
    assert uma.post(f"/labs/{lab}/start", csrf=uma.csrf(f"/labs/{lab}")).status_code == 303
    assert lms.value("select started_at from qbo_sync.connection where billing_lab_id = %s", lab)
    assert ada.get("/labs/987654321/preview").status_code == 404
    assert ada.get("/previews/987654321").status_code == 404
