"""A bookkeeper's way through the page, in a real browser against the real stack, from the first login on.

The tests of this file are one story: each goes on where the one before stopped.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Dialog, Page, expect

from tests.support.page.site import Site, logged_in
from tests.support.quickbooks import QuickBooks, make_company
from tests.support.waiting import eventually
from tests.support.world import World

#: Names as they come: markup, quotes, Arabic (right to left), emoji.
LAB = "Smile & Sons <script>alert('lab')</script> 🦷"
ACCOUNT = 'Praxis "Söhne" <img src=x onerror=alert(1)>'
RTL = "مختبر الأسنان"
COMPANY = "Northside <b>Dental</b> Holding"


@dataclass
class Story:
    """What the tests share."""

    page: Page
    site: Site
    lms: World
    company: QuickBooks
    labs: list[int]
    dialogs: list[str]

    def go(self, path: str) -> Page:
        """A page, by its path."""
        self.page.goto(self.site.page + path)
        return self.page

    def consent(self, decision: str = "Connect") -> None:
        """Decide on the sandbox's consent page."""
        expect(self.page).to_have_url(re.compile(r"/connect/oauth2\?"))
        if decision == "Connect":
            self.page.get_by_label(self.company.realm).check()
        self.page.get_by_role("button", name=decision).click()

    def connect(self, lab: int) -> None:
        """Through the consent page and back; the first sync starts at once."""
        page = self.go(f"/labs/{lab}/connect")
        start = page.get_by_label("Start right away")
        if start.count():  # it is no reconnect
            start.check()
        page.get_by_role("button", name="Continue").click()
        self.consent()

    def row(self, statement: str, *parameters: object) -> dict:
        """One row of the database."""
        return self.lms.sql(statement, *parameters)[0]


@pytest.fixture(scope="module")
def story(site: Site, lms: World, browser: Browser) -> Iterator[Story]:
    context: BrowserContext = logged_in(site, browser, "ada")
    page = context.new_page()
    dialogs: list[str] = []

    def seen(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", seen)
    labs = [lms.billing_lab("Bright Dental Lab (story)"), lms.billing_lab(LAB)]
    yield Story(page, site, lms, make_company(lms.qbo.url, COMPANY), labs, dialogs)
    context.close()


def test_the_page_is_in_airflows_menu_and_frame(story: Story) -> None:
    page = story.page
    page.goto(f"{story.site.base}/plugin/quickbooks")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading", name="Overview")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Admin").click()
    expect(page.get_by_role("menuitem", name="QuickBooks Online")).to_be_visible()
    tab = page.get_by_role("menuitem", name="Connect to QuickBooks (new tab)")
    expect(tab).to_be_visible()
    page.keyboard.press("Escape")
    # Out of the frame into a tab of its own, which Airflow's sandboxed frame does not allow by itself.
    frame.get_by_role("link", name="Bright Dental Lab (story)", exact=True).click()
    frame.get_by_role("link", name="Connect to QuickBooks").click()
    with page.context.expect_page() as opened:
        frame.get_by_role("link", name="Continue in a new tab").click()
    expect(opened.value.get_by_role("button", name="Continue")).to_be_visible()
    opened.value.close()


def test_consent_denied_changes_nothing(story: Story) -> None:
    page = story.go(f"/labs/{story.labs[0]}/connect")
    page.get_by_role("button", name="Continue").click()
    story.consent("Cancel")
    expect(page.get_by_role("alert")).to_contain_text("not granted on Intuit’s page")
    assert not story.lms.sql("select 1 from qbo_sync.connection where billing_lab_id = %s", story.labs[0])
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_role("button", name="Continue")).to_be_visible()


def test_two_labs_share_a_company_and_its_token(story: Story) -> None:
    for lab in story.labs:
        story.connect(lab)
        expect(story.page.get_by_role("status")).to_contain_text("Connected. The company check is done")
    expect(story.page.get_by_role("heading", level=1)).to_have_text(LAB)
    expect(story.page.get_by_text(COMPANY).first).to_be_visible()
    kept = story.lms.sql("select * from qbo_sync.company where realm_id = %s", story.company.realm)
    assert len(kept) == 1 and kept[0]["name"] == COMPANY
    assert bytes(kept[0]["access_token_encrypted"]).startswith(b"gAAAA"), "not encrypted"
    receiving = story.lms.sql(
        "select billing_lab_id from qbo_sync.connection where realm_id = %s and receives_qbo_transactions",
        story.company.realm,
    )
    assert [one["billing_lab_id"] for one in receiving] == [story.labs[0]]


def test_settings_say_what_they_will_do(story: Story) -> None:
    lab = story.labs[1]
    pair = story.lms.pair(story.lms.account("Old practice (story)"))
    story.lms.invoice(story.lms.case(pair, [{"product": story.lms.product()}], lab=lab))
    page = story.go(f"/labs/{lab}/settings")
    page.get_by_label("Direction", exact=True).select_option("lms_to_qbo")
    page.get_by_label("Credits").uncheck()
    page.get_by_label("Start date").fill("2026-07-01")
    page.get_by_label("Discount account").select_option(label="Discounts given")
    page.get_by_label("Transactions created in QuickBooks go to").select_option(label=LAB)
    page.get_by_role("button", name="Review changes").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Review changes")
    for words in (
        "Nothing syncs from QuickBooks to Pilot anymore",
        "Credits no longer sync in either direction",
        "not been sent to QuickBooks yet will not be sent",
        f"Invoices and payments created in QuickBooks from now on go to {LAB}",
    ):
        expect(page.get_by_text(words)).to_be_visible()
    unsaved = story.row("select direction from qbo_sync.connection where billing_lab_id = %s", lab)
    assert unsaved["direction"] == "both", "saved before it was confirmed"
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Settings saved")
    saved = story.row("select * from qbo_sync.connection where billing_lab_id = %s", lab)
    assert (saved["direction"], saved["sync_credits"], str(saved["sync_start_date"])) == (
        "lms_to_qbo",
        False,
        "2026-07-01",
    )
    assert saved["receives_qbo_transactions"]
    audit = story.row("select * from qbo_sync.page_change where action = 'settings' order by id desc limit 1")
    assert audit["user_name"] == "ada" and audit["billing_lab_id"] == lab


def test_an_error_is_mended_in_quickbooks_and_retried(story: Story) -> None:
    lms, lab = story.lms, story.labs[0]
    vendor = story.company.create("Vendor", DisplayName=ACCOUNT)
    pair = lms.pair(lms.account(ACCOUNT))
    invoice = lms.invoice(lms.case(pair, [{"product": lms.product()}], lab=lab, notes=RTL))
    eventually(lambda: lms.sql("select 1 from qbo_sync.sync_error where document_number = %s", ACCOUNT))
    page = story.go(f"/errors?lab={lab}&q=S%C3%B6hne")
    expect(page.get_by_role("link", name=re.compile("Söhne")).first).to_be_visible()
    story.company.update("Vendor", vendor, DisplayName="Söhne Supplies")
    page.get_by_label(re.compile("^Select Billing account")).check()
    page.get_by_role("button", name="Retry selected").click()
    expect(page.get_by_role("status")).to_contain_text("1 record is being retried")
    error = story.row("select id from qbo_sync.sync_error where document_number = %s", ACCOUNT)["id"]
    expect(page.locator(f'[data-progress="{error}"]')).to_have_text(
        "Fixed. The record is in sync now.", timeout=120_000
    )
    eventually(lambda: lms.link("invoice", invoice))
    assert story.company.call(f"invoice/{lms.link('invoice', invoice)['qbo_id']}")["Invoice"]["PrivateNote"] == RTL  # type: ignore[index]


def test_an_error_is_ignored_with_a_reason(story: Story) -> None:
    lms, lab = story.lms, story.labs[0]
    name = "Too: long <i>name</i>"
    lms.invoice(lms.case(lms.pair(lms.account(name)), [{"product": lms.product()}], lab=lab))
    eventually(lambda: lms.sql("select 1 from qbo_sync.sync_error where document_number = %s", name))
    page = story.go(f"/errors?lab={lab}")
    page.get_by_role("link", name="Too: long <i>name</i>").first.click()
    page.get_by_text("Ignore this error").click()
    page.get_by_label("Reason").fill("A test <b>account</b> of 2019")
    page.get_by_role("button", name="Ignore", exact=True).click()
    expect(page.get_by_text("“A test <b>account</b> of 2019”")).to_be_visible()
    error = story.row("select * from qbo_sync.sync_error where document_number = %s", name)
    assert error["status"] == "ignored"
    story.go(f"/errors?lab={lab}&q=Too")
    expect(page.get_by_role("heading", name="No matches")).to_be_visible()


def test_a_customer_is_linked_by_hand(story: Story) -> None:
    lms = story.lms
    account = lms.account(f"Zahnarztpraxis {RTL} Müller & Co 😀")
    customer = story.company.create("Customer", DisplayName="Mueller & Co Zahnarztpraxis")
    line = {
        "DetailType": "SalesItemLineDetail",
        "Amount": 80,
        "SalesItemLineDetail": {"ItemRef": {"value": story.company.all("Item")[0]["Id"]}},
    }
    invoice = story.company.create("Invoice", CustomerRef={"value": customer["Id"]}, Line=[line])["Id"]
    lms.sql("update qbo_sync.connection set direction = 'both' where billing_lab_id = %s", story.labs[1])
    error = customer_error(
        lms, story.company.realm, story.labs[1], customer["Id"], customer["DisplayName"], record=invoice
    )
    page = story.go(f"/errors/{error}")
    expect(page.get_by_role("heading", name="Who is “Mueller & Co Zahnarztpraxis” in Pilot?")).to_be_visible()
    page.get_by_label("Search all").fill("Müller")
    page.get_by_role("button", name="Search").click()
    page.get_by_label(re.compile("Müller & Co 😀")).check()
    page.get_by_role("button", name="Link and retry").click()
    expect(page.get_by_role("status")).to_contain_text("Linked. 1 record for this customer is being retried")
    link = lms.link("billing_account", account)
    assert link and link["qbo_id"] == customer["Id"] and link["realm_id"] == story.company.realm
    assert story.row("select 1 from qbo_sync.error_retry where sync_error_id = %s", error)
    expect(page.get_by_text("Fixed. The record is in sync now.")).to_be_visible(timeout=90_000)
    assert lms.sql("select 1 from qbo_sync.entity_link where entity = 'invoice' and qbo_id = %s", invoice)


def test_a_customer_is_permanently_ignored(story: Story) -> None:
    lms, realm = story.lms, story.company.realm
    error = customer_error(lms, realm, story.labs[1], "777", "Walk-in <customers>", record="902")
    page = story.go(f"/errors/{error}")
    page.get_by_text("Permanently ignore this customer").first.click()
    page.get_by_label("Reason").first.fill("Retail sales")
    page.get_by_role("button", name="Permanently ignore this customer").click()
    expect(page.get_by_role("status")).to_contain_text("permanently ignored")
    later = customer_error(lms, realm, story.labs[1], "777", "Walk-in <customers>", record="903")
    assert story.row("select status from qbo_sync.sync_error where id = %s", later)["status"] == "ignored"


def test_revoked_in_quickbooks_then_reconnected(story: Story) -> None:
    lms, lab = story.lms, story.labs[0]
    before = lms.sql("select * from qbo_sync.connection where realm_id = %s order by 1", story.company.realm)
    links = lms.sql("select * from qbo_sync.entity_link where realm_id = %s", story.company.realm)
    story.company.control("POST", f"companies/{story.company.realm}/disconnect")
    page = story.go(f"/labs/{lab}")
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_role("alert")).to_contain_text("QuickBooks did not respond")
    expect(page.get_by_text("Reconnect needed")).to_be_visible()
    story.go("/")
    expect(page.get_by_text(re.compile("Pilot lost its access")).first).to_be_visible()
    story.connect(lab)
    expect(page.get_by_role("status")).to_contain_text("Reconnected.")
    assert before == lms.sql("select * from qbo_sync.connection where realm_id = %s order by 1", story.company.realm)
    assert links == lms.sql("select * from qbo_sync.entity_link where realm_id = %s", story.company.realm)
    status = story.row("select status from qbo_sync.company where realm_id = %s", story.company.realm)
    assert status["status"] == "connected"


def test_another_company_is_refused_for_a_connected_lab(story: Story) -> None:
    other = make_company(story.lms.qbo.url, "Another company")
    page = story.go(f"/labs/{story.labs[0]}/connect")
    page.get_by_role("button", name="Continue").click()
    page.get_by_label(other.realm).check()
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("alert")).to_contain_text("Disconnect it there first")
    assert not story.lms.sql("select 1 from qbo_sync.company where realm_id = %s", other.realm)


def test_labs_leave_one_after_the_other_and_come_back(story: Story) -> None:
    lms, (first, second) = story.lms, story.labs
    realm = story.company.realm
    page = story.page
    kept = story.row("select * from qbo_sync.connection where billing_lab_id = %s", second)
    for lab, said in ((second, "continues to sync with this company"), (first, "is revoked at Intuit")):
        story.go(f"/labs/{lab}/disconnect")
        expect(page.get_by_text(said)).to_be_visible()
        page.get_by_role("button", name="Disconnect").click()
        expect(page.get_by_role("status")).to_contain_text("Disconnected.")
        company = story.row("select * from qbo_sync.company where realm_id = %s", realm)
        assert company["status"] == ("connected" if lab == second else "disconnected")
        if lab == second:
            heir = story.row("select * from qbo_sync.connection where billing_lab_id = %s", first)
            assert heir["receives_qbo_transactions"], "nobody receives what is created in QuickBooks"
    assert company["access_token_encrypted"] is None and company["refresh_token_encrypted"] is None
    assert lms.sql("select 1 from qbo_sync.entity_link where realm_id = %s", realm), "links are gone"
    story.connect(second)
    again = story.row("select * from qbo_sync.connection where billing_lab_id = %s", second)
    for name in ("direction", "sync_credits", "sync_start_date", "discount_account_id"):
        assert again[name] == kept[name], name


def test_everything_was_written_down_and_nothing_ran_as_script(story: Story) -> None:
    page = story.go("/changes")
    for words in ("connected", "disconnected", "changed the settings of", "retried", "ignored", "reconnected"):
        expect(page.get_by_text(re.compile(rf"\bada\b {words}")).first).to_be_visible()
    for path in (
        "/",
        "/connect",
        "/errors?status=ignored",
        "/errors?status=resolved",
        "/activity",
        "/activity?window=week",
    ):
        story.go(path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.locator("main script, main img, main i").count() == 0
        assert page.locator("main b", has_text=re.compile("^Dental$")).count() == 0
    story.go("/")
    expect(page.get_by_role("link", name=LAB, exact=True)).to_be_visible()
    assert not story.dialogs, "a name ran as a script"


def customer_error(lms: World, realm: str, lab: int, customer: str, name: str, record: str = "901") -> int:
    """An invoice from QuickBooks whose customer is linked to nothing, as the sync records it."""
    return int(
        lms.value(
            "insert into qbo_sync.sync_error (billing_lab_id, realm_id, entity, direction, operation, qbo_id,"
            " document_number, error_code, message, resolution, detail, record_entity, record_id)"
            " values (%s, %s, 'invoice', 'qbo_to_lms', 'create', %s, '1001', 'customer_not_linked', %s,"
            " 'Choose the billing account or pair on the QuickBooks Online page.',"
            " jsonb_build_object('customer_id', %s::text, 'customer_name', %s::text), 'invoice', %s)"
            # The sync may have been quicker.
            " on conflict (realm_id, direction, record_entity, record_id) do update set status = 'open' returning id",
            lab,
            realm,
            record,
            f"Invoice 1001 is for the QuickBooks customer “{name}”, who is not linked.",
            customer,
            name,
            record,
        )
    )
