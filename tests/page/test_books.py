"""Do the books agree? The page answers a bookkeeper's questions, as a page, as CSV and as PDF."""

import csv
import io
import os
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.support.page.site import Site
from tests.support.planting import behind
from tests.support.quickbooks import QuickBooks
from tests.support.waiting import changes_taken, eventually
from tests.support.world import World

KEEP = os.environ.get("PILOT_SCREENSHOTS")


@pytest.fixture
def lab(lms: World, company: QuickBooks) -> int:  # instead of conftest's
    """A lab connected to a company of its own."""
    lab = lms.billing_lab("Books Dental")
    lms.connect(lab, company)
    changes_taken(lms)
    return lab


def test_do_they_agree_which_records_do_not_why_and_what_to_do(
    lms: World, company: QuickBooks, lab: int, site: Site, admin: BrowserContext
) -> None:
    account = lms.account("José Peña 東, DDS")
    invoice = lms.invoice(lms.case(lms.pair(account), [{"product": lms.product()}], lab=lab))
    eventually(lambda: lms.link("invoice", invoice))
    behind(lms, "update lms.invoice set balance = 90 where id = %s", invoice)
    page = admin.new_page()
    page.goto(f"{site.page}/labs/{lab}/books")

    def compare() -> None:
        proofs = lms.value("select count(*) from qbo_sync.reconciliation where state is not null")
        page.get_by_role("button", name="Compare now").click()
        expect(page.get_by_role("status")).to_contain_text("are being compared")
        eventually(lambda: lms.value("select count(*) from qbo_sync.reconciliation where state is not null") > proofs)
        page.goto(f"{site.page}/labs/{lab}/books")

    # Do the books agree? Which record does not? Why? What do I do?
    compare()
    expect(page.get_by_text("No: 1 record differs without an explanation.")).to_be_visible()
    number = lms.lms_invoice(invoice)["invoice_number"]
    expect(page.get_by_role("heading", name=f"Invoice {number}")).to_be_visible()
    expect(page.get_by_text("open: $90.00 in Pilot, $100.00 in QuickBooks")).to_be_visible()
    expect(page.get_by_text("Choose Compare again.")).to_be_visible()
    uma = site.visitor("uma")
    proof = lms.value("select max(id) from qbo_sync.reconciliation where realm_id = %s", company.realm)
    text = uma.get(f"/labs/{lab}/books/{proof}.csv").content.decode("utf-8-sig")
    differing = [
        row for row in csv.DictReader(io.StringIO(text)) if row["Row"] == "Difference" and row["What"] == "Open"
    ]
    assert [(row["Customer"], row["Number"], row["Pilot"], row["QuickBooks"]) for row in differing] == [
        ("José Peña 東, DDS", number, "90.00", "100.00")
    ]
    pdf = uma.get(f"/labs/{lab}/books/{proof}.pdf")
    assert pdf.headers["content-disposition"].startswith('attachment; filename="books-books-dental-')
    assert pdf.content.startswith(b"%PDF-") and len(pdf.content) > 10_000
    if KEEP:
        Path(KEEP).mkdir(parents=True, exist_ok=True)
        (Path(KEEP) / "books.pdf").write_bytes(pdf.content)

    page.get_by_role("button", name=f"Compare again – Invoice {number}").click()
    expect(page.get_by_role("status")).to_contain_text("1 record is being compared and synced again")
    eventually(lambda: lms.lms_invoice(invoice)["balance"] == 100)
    compare()
    expect(page.get_by_text("Yes: 1 customer agrees to the cent.")).to_be_visible()
    page.goto(f"{site.page}/books")
    expect(page.get_by_role("row", name="Books Dental")).to_contain_text("The books agree")
    page.close()


def test_who_may_not_and_what_is_not_there(lms: World, lab: int, site: Site) -> None:
    vera = site.visitor("vera")
    assert "Compare now" not in vera.get(f"/labs/{lab}/books").text
    refused = vera.post(f"/labs/{lab}/books", {"action": "prove"})
    assert refused.status_code == 403 and "Your Airflow role does not allow this" in refused.text
    uma = site.visitor("uma")
    assert uma.get(f"/labs/{lab}/books/999999.pdf").status_code == 404
    assert uma.get(f"/labs/{lab}/books?proof=999999").status_code == 404
    assert uma.post(f"/labs/{lab}/books", {"action": "prove"}).status_code == 403
