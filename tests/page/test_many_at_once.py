"""Many deletes at once, and records synced again: answered in a real browser, carried out by the real DAGs."""

import re

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.support.page.site import Site
from tests.support.quickbooks import QuickBooks
from tests.support.waiting import becomes, changes_taken
from tests.support.world import World

COUNT = 21  # the first number of a small lab that is unusually many is 20


@pytest.mark.rule("8.9.c", "8.9.d")
def test_what_is_held_is_kept_then_asked_for_again_and_deleted(
    site: Site, lms: World, company: QuickBooks, admin: BrowserContext
) -> None:
    lab = lms.billing_lab("Hold Dental")
    lms.connect(lab, company)
    account = lms.account("Harbor Family Dental")
    pair, product = lms.pair(account), lms.product()
    made = [lms.invoice(lms.case(pair, [{"product": product}], lab=lab)) for _ in range(COUNT)]
    numbers = [lms.lms_invoice(one)["invoice_number"] for one in made]
    becomes(lambda: len(company.all("Invoice")), COUNT)
    becomes(lambda: lms.value("select count(*) from qbo_sync.change_mark where realm_id = %s", company.realm), 0)

    def asked() -> list[tuple[str, str]]:
        rows = lms.sql(
            "select error_code, status from qbo_sync.sync_error where realm_id = %s order by id", company.realm
        )
        return [(one["error_code"], one["status"]) for one in rows]

    def held() -> int:
        return lms.value(
            "select count(*) from qbo_sync.change_mark where realm_id = %s and waits_for_entity = 'mass_delete'",
            company.realm,
        )

    lms.sql("delete from lms.invoice where id = any(%s)", made)
    becomes(asked, [("mass_delete_held", "open")])
    becomes(held, COUNT)
    error = lms.value("select id from qbo_sync.sync_error where realm_id = %s", company.realm)

    page = admin.new_page()
    page.goto(f"{site.page}/errors/{error}")
    page.get_by_role("link", name="View the records").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Delete {COUNT} invoices in QuickBooks?")
    table = page.get_by_role("table", name="Records that would be deleted in QuickBooks")
    row = table.get_by_role("row").filter(has_text=numbers[0])
    expect(row.get_by_role("cell")).to_have_text(["Harbor Family Dental", "06/01/2026", "$100.00"])
    expect(page.get_by_text("Total $2,100.00")).to_be_visible()
    page.get_by_role("button", name=f"Keep all {COUNT} in QuickBooks").click()
    expect(page.get_by_role("status")).to_contain_text("The records are kept.")
    becomes(asked, [("mass_delete_held", "resolved")])
    assert len(company.all("Invoice")) == COUNT
    assert lms.value("select count(*) from qbo_sync.left_alone where user_name = 'ada'") == COUNT

    # Compared again, they are still left alone; asked for by number, the question is asked again.
    page.goto(f"{site.page}/labs/{lab}")
    page.get_by_role("link", name="Sync again…").click()
    for kind in ("Credits", "Payments, Pilot", "Payments, QuickBooks", "Invoices, QuickBooks"):
        page.get_by_label(kind).uncheck()
    page.get_by_label("Dated from").fill("2026-06-02")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("No record matches.")).to_be_visible()
    page.get_by_role("button", name="Back").click()
    page.get_by_label("Dated from").fill("2026-06-01")
    page.get_by_label("Only these invoice numbers").fill("INV-unknown")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("INV-unknown")
    page.get_by_label("Only these invoice numbers").fill(", ".join(numbers))
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Compare {COUNT} records?")
    assert asked() == [("mass_delete_held", "resolved")], "nothing is started yet"
    page.get_by_role("button", name="Sync again").click()
    expect(page.get_by_role("status")).to_contain_text(f"{COUNT} records are being compared.")
    becomes(asked, [("mass_delete_held", "open")])
    becomes(held, COUNT)

    # A list that has changed meanwhile is shown again; what was seen is carried out.
    visitor = site.visitor("uma")
    stale = visitor.post(f"/errors/{error}/release", {"count": "20"}, csrf=visitor.csrf(f"/errors/{error}/held"))
    assert stale.status_code == 409 and "The list has changed" in stale.text
    page.goto(f"{site.page}/errors/{error}/held")
    page.get_by_role("button", name=re.compile("Delete all")).click()
    expect(page.get_by_role("status")).to_contain_text("being deleted")
    becomes(lambda: len(company.all("Invoice")), 0)
    becomes(asked, [("mass_delete_held", "resolved")])
    kept = lms.sql("select action from qbo_sync.page_change where billing_lab_id = %s order by id", lab)
    assert [one["action"] for one in kept] == ["connect", "refuse_held", "sync_again", "release_held"]
    assert "let the held deletes be carried out" in visitor.get("/changes").text
    changes_taken(lms)
    page.close()
