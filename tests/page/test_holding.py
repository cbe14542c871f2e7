"""Held invoices and closed books on the lab's page, through the real DAGs."""

from datetime import UTC, date, datetime

from tests.support.page.site import Site
from tests.support.quickbooks import QuickBooks
from tests.support.waiting import becomes, changes_taken
from tests.support.world import World


def test_invoices_wait_by_the_labs_setting_and_go_when_they_are_released(
    site: Site, lms: World, company: QuickBooks
) -> None:
    lab = lms.billing_lab("Patient Dental Lab")
    lms.connect(lab, company)
    changes_taken(lms)
    ada, uma, vera = (site.visitor(name) for name in ("ada", "uma", "vera"))
    path = f"/labs/{lab}"
    now = lms.sql("select * from qbo_sync.connection where billing_lab_id = %s", lab)[0]
    fields = {
        "direction": "both",
        "sync_invoices": "on",
        "sync_credits": "on",
        "sync_payments": "on",
        "hold_invoices": "days",
        "hold_days": "9",
        **{name: now[name] for name in ("income_account_id", "deposit_account_id", "discount_account_id")},
    }
    token = ada.csrf(f"{path}/settings")
    shown = ada.post(f"{path}/settings", {**fields, "step": "preview"}, csrf=token).text
    assert "9 days after the invoice date" in shown
    version = shown.split('name="version" value="')[1][:16]
    assert ada.post(f"{path}/settings", {**fields, "step": "save", "version": version}, csrf=token).status_code == 303
    account, product = lms.account(), lms.product()
    pair, today = lms.pair(account), datetime.now(UTC).date()
    invoices = [lms.invoice(lms.case(pair, [{"product": product}], lab=lab), on=today) for _ in range(3)]

    def held() -> list[int]:
        rows = lms.sql(
            "select h.invoice_id from qbo_sync.held_invoice h join qbo_sync.change_mark m"
            "    on m.realm_id = h.realm_id and m.entity = 'invoice' and m.record_id = h.invoice_id::text"
            " where h.billing_lab_id = %s and m.attempt_after = h.goes_out_at order by 1",
            lab,
        )
        return [one["invoice_id"] for one in rows]

    becomes(held, invoices)
    page, overview = vera.get(path).text, vera.get("/").text
    for text in (page, overview):
        assert "3 invoices wait until" in text and "held by this lab’s setting" in text
    assert "In sync" in overview and "Release" not in page, "a viewer only looks"
    assert vera.post(f"{path}/release", {"invoice": "all"}, csrf=vera.csrf(f"{path}/settings")).status_code == 403
    token = uma.csrf(path)
    assert uma.post(f"{path}/release", {"invoice": "some"}, csrf=token).status_code == 404
    answer = uma.post(f"{path}/release", {"invoice": str(invoices[0])}, csrf=token)
    assert "done=released&n=1" in answer.headers["location"].replace("&amp;", "&")
    becomes(lambda: bool(lms.link("invoice", invoices[0])), True)
    again = uma.post(f"{path}/release", {"invoice": str(invoices[0])}, csrf=token)
    assert "released-none" in again.headers["location"]
    assert len(company.all("Invoice")) == 1 and held() == invoices[1:]
    uma.post(f"{path}/release", {"invoice": "all"}, csrf=token)
    becomes(lambda: len(company.all("Invoice")), 3)
    assert "Held invoices" not in vera.get(path).text
    kept = lms.sql("select * from qbo_sync.page_change where billing_lab_id = %s and action = 'release'", lab)
    assert [(one["user_name"], len(one["detail"]["invoices"])) for one in kept] == [("uma", 1), ("uma", 2)]
    assert "released held invoices of" in vera.get(path).text


def test_closed_books_say_how_many_records_wait_for_a_decision(site: Site, lms: World, company: QuickBooks) -> None:
    lab = lms.billing_lab("Careful Dental Lab")
    close = f"companies/{company.realm}/preferences"
    company.control("POST", close, {"AccountingInfoPrefs": {"BookCloseDate": "2026-06-30"}})
    lms.connect(lab, company)
    vera, path = site.visitor("vera"), f"/labs/{lab}"
    assert "through 06/30/2026" in vera.get(path).text and "for a decision" not in vera.get(path).text
    invoice = lms.invoice(lms.case(lms.pair(lms.account()), [{"product": lms.product()}], lab=lab), on=date(2026, 6, 1))

    def told() -> bool:
        return "Books closed through 06/30/2026: 1 record waits for a decision." in vera.get(path).text

    becomes(told, True)
    assert "was not created in QuickBooks" in vera.get(f"/errors?lab={lab}&q=books_closed").text
    company.control("POST", close, {"AccountingInfoPrefs": {"BookCloseDate": None}})
    becomes(lambda: bool(lms.link("invoice", invoice)), True)
    assert not told()
