"""Retry one, some and all; ignore several; open again: what the forms do, by HTTP."""

import itertools
from dataclasses import dataclass
from decimal import Decimal

import pytest

from tests.support.bookkeeper import pays
from tests.support.page.site import Site
from tests.support.page.visitor import Visitor
from tests.support.quickbooks import QuickBooks, make_company
from tests.support.waiting import becomes, changes_taken
from tests.support.world import World

#: Invoices that are not in the LMS: a retry finds nothing to do, and that resolves them.
_numbers = itertools.count(900_000_001)


@pytest.fixture
def lab(lms: World, company: QuickBooks) -> int:  # instead of conftest's
    """A lab connected to a company of its own."""
    lab = lms.billing_lab("Fixing Dental")
    lms.connect(lab, company)
    changes_taken(lms)
    return lab


@pytest.fixture
def uma(site: Site) -> Visitor:
    """A bookkeeper: may fix, may not set up."""
    return site.visitor("uma")


def make_errors(lms: World, company: QuickBooks, lab: int, count: int) -> list[int]:
    """Open errors of the lab."""
    return [
        lms.value(
            "insert into qbo_sync.sync_error (billing_lab_id, realm_id, entity, direction, operation, lms_id,"
            " document_number, error_code, message, resolution, record_entity, record_id)"
            " values (%s, %s, 'invoice', 'lms_to_qbo', 'create', %s, %s, 'qbo_6140', 'Number %% is taken_', 'Retry.',"
            " 'invoice', %s) returning id",
            lab,
            company.realm,
            number,
            f"F-{number}",
            str(number),
        )
        for number in itertools.islice(_numbers, count)
    ]


def states(lms: World, errors: list[int]) -> list[str]:
    """Their status, in their order."""
    return [
        one["status"]
        for one in lms.sql("select status from qbo_sync.sync_error where id = any(%s) order by id", errors)
    ]


def test_all_that_match_are_retried_and_nothing_else(lms: World, company: QuickBooks, lab: int, uma: Visitor) -> None:
    errors = make_errors(lms, company, lab, 3)
    others = make_errors(lms, company, lab, 1)
    lms.sql("update qbo_sync.sync_error set message = 'Another' where id = any(%s)", others)
    path = f"/errors?lab={lab}&q=%25+is+taken_"
    assert uma.get(path).text.count('name="error"') == 3, "% and _ are letters in a search"
    token = uma.csrf(path)
    answer = uma.post("/errors", {"action": "retry-all", "lab": str(lab), "q": "% is taken_"}, csrf=token)
    assert answer.status_code == 303 and "n=3" in answer.headers["location"]
    becomes(lambda: states(lms, errors), ["resolved"] * 3)
    assert states(lms, others) == ["open"]
    progress = uma.get("/errors/progress").json()
    assert {progress[str(error)]["state"] for error in errors} == {"fixed"}
    runs = lms.sql(
        "select distinct dag_id, run_id, user_name from qbo_sync.error_retry where sync_error_id = any(%s)", errors
    )
    assert [(one["dag_id"], one["user_name"]) for one in runs] == [("invoice_lms_to_qbo", "uma")], "one run for all"


def test_some_are_ignored_with_a_reason_and_one_comes_back(
    lms: World, company: QuickBooks, lab: int, uma: Visitor
) -> None:
    first, second, third = errors = make_errors(lms, company, lab, 3)
    token = uma.csrf(f"/errors?lab={lab}")
    chosen = {"error": [str(first), str(second), "nonsense", "9" * 30], "lab": str(lab)}
    asked = uma.post("/errors", {**chosen, "action": "ignore"}, csrf=token)
    assert asked.status_code == 200 and "Ignore 2 errors?" in asked.text and states(lms, errors) == ["open"] * 3
    empty = uma.post("/errors", {**chosen, "action": "ignore", "asked": "yes", "reason": "  "}, csrf=token)
    assert empty.status_code == 422 and "Enter a reason." in empty.text
    answer = uma.post("/errors", {**chosen, "action": "ignore", "asked": "yes", "reason": "Old"}, csrf=token)
    assert "n=2" in answer.headers["location"]
    assert states(lms, errors) == ["ignored", "ignored", "open"]
    kept = lms.sql("select * from qbo_sync.page_change where sync_error_id = %s", second)
    assert [(one["user_name"], one["action"], one["detail"]["reason"]) for one in kept] == [("uma", "ignore", "Old")]
    assert uma.post(f"/errors/{third}/reopen", csrf=token).status_code == 404, "only what is ignored opens again"
    assert uma.post(f"/errors/{first}/reopen", csrf=token).status_code == 303
    becomes(lambda: states(lms, errors), ["resolved", "ignored", "open"])


@pytest.mark.rule("8.3.e")
def test_one_is_retried_and_a_stopped_lab_is_not(lms: World, company: QuickBooks, lab: int, uma: Visitor) -> None:
    (error,) = make_errors(lms, company, lab, 1)
    token = uma.csrf(f"/errors/{error}")
    lms.sql("update qbo_sync.company set status = 'reconnect_required' where realm_id = %s", company.realm)
    answer = uma.post(f"/errors/{error}/retry", csrf=token)
    assert "retried-none" in answer.headers["location"] and states(lms, [error]) == ["open"]
    assert "once the lab is connected again" in uma.get(f"/errors/{error}").text
    lms.sql("update qbo_sync.company set status = 'connected' where realm_id = %s", company.realm)
    assert "done=retried&" in uma.post(f"/errors/{error}/retry", csrf=token).headers["location"]
    becomes(lambda: states(lms, [error]), ["resolved"])


@dataclass(frozen=True)
class Check:
    """A check that the bookkeeper has entered in QuickBooks, and then lab staff in Pilot."""

    lab: int
    invoice: int
    payment: int
    qbo_id: str

    def question(self, lms: World) -> list[tuple[str, str]]:
        """The errors of its payment in Pilot."""
        rows = lms.sql(
            "select error_code, status from qbo_sync.sync_error where lms_id = %s and entity = 'payment'", self.payment
        )
        return [(one["error_code"], one["status"]) for one in rows]


@pytest.fixture(scope="module")
def checks(lms: World) -> dict[str, Check]:
    """Two of them, one for each answer."""
    company, lab = make_company(lms.qbo.url, "Twice Dental Holding"), lms.billing_lab("Twice Dental")
    lms.connect(lab, company)
    account, product = lms.account(), lms.product()
    pair = lms.pair(account)
    amounts = {"link-payment": "100.00", "keep-both": "120.00"}
    invoices = {
        choice: lms.invoice(lms.case(pair, [{"product": product, "price": amount}], lab=lab))
        for choice, amount in amounts.items()
    }
    becomes(lambda: all(lms.link("invoice", one) for one in invoices.values()), True)
    made = {}
    for choice, amount in amounts.items():
        invoice, paid = invoices[choice], Decimal(amount)
        bill = company.call(f"invoice/{(lms.link('invoice', invoice) or {})['qbo_id']}")["Invoice"]
        customer, lines = bill["CustomerRef"], [pays(bill, paid)]
        theirs = company.create("Payment", CustomerRef=customer, TotalAmt=paid, TxnDate="2026-06-17", Line=lines)
        ours = lms.payment(account, amount, {invoice: amount}, lab=lab)
        made[choice] = Check(lab, invoice, ours, theirs["Id"])
    return made


@pytest.mark.rule("9.d")
@pytest.mark.parametrize("choice", ["link-payment", "keep-both"])
def test_the_same_check_on_both_sides_is_linked_or_kept_twice(
    lms: World, checks: dict[str, Check], uma: Visitor, choice: str
) -> None:
    """Through the real DAGs."""
    check = checks[choice]
    becomes(lambda: check.question(lms), [("possible_duplicate", "open")])
    error = lms.value(
        "select id from qbo_sync.sync_error where lms_id = %s and entity = 'payment' and status = 'open'", check.payment
    )
    path = f"/errors/{error}"
    assert "Is it the same money?" in uma.get(path).text
    token = uma.csrf(path)
    answer = uma.post(f"{path}/{choice}", csrf=token)
    assert answer.status_code == 303, answer.text
    kept = lms.value("select action from qbo_sync.page_change where sync_error_id = %s order by id limit 1", error)
    if choice == "link-payment":
        assert kept == "payment_linked"
        becomes(lambda: check.question(lms), [("possible_duplicate", "resolved")])
        link = lms.link("payment", check.payment)
        assert link and link["qbo_id"] == check.qbo_id
        becomes(lambda: lms.lms_invoice(check.invoice)["balance"], 0)
        assert uma.post(f"{path}/{choice}", csrf=token).status_code == 404, "it is over"
    else:
        assert kept == "ignore"
        becomes(lambda: check.question(lms), [("qbo_6000", "open")])
        twice = "select count(*) from lms.payment where billing_lab_id = %s and amount = %s"
        becomes(lambda: lms.value(twice, check.lab, lms.lms_invoice(check.invoice)["total_amount"]), 2)


def test_two_people_who_change_the_settings_at_once(site: Site, lms: World, company: QuickBooks, lab: int) -> None:
    ada, olga = site.visitor("ada"), site.visitor("olga")
    path = f"/labs/{lab}/settings"
    now = lms.sql("select * from qbo_sync.connection where billing_lab_id = %s", lab)[0]
    fields = {
        "direction": "both",
        "sync_invoices": "on",
        "sync_credits": "on",
        "sync_payments": "on",
        "hold_invoices": "none",
        "income_account_id": now["income_account_id"],
        "deposit_account_id": now["deposit_account_id"],
        "discount_account_id": now["discount_account_id"],
    }
    tokens = {who: who.csrf(path) for who in (ada, olga)}
    version = ada.get(path).text.split('name="version" value="')[1][:16]
    save = {**fields, "direction": "lms_to_qbo", "step": "save", "version": version}
    assert ada.post(path, save, csrf=tokens[ada]).status_code == 303
    late = olga.post(path, {**fields, "sync_payments": "", "step": "save", "version": version}, csrf=tokens[olga])
    assert late.status_code == 200 and "Someone else changed these settings in the meantime" in late.text
    after = lms.sql("select * from qbo_sync.connection where billing_lab_id = %s", lab)[0]
    assert (after["direction"], after["sync_payments"]) == ("lms_to_qbo", True)
    for name, value in (
        ("direction", "sideways"),
        ("income_account_id", "14"),  # a liability
        ("income_account_id", ""),
        ("sync_start_date", "1850-01-01"),
        ("sync_start_date", "soon"),
        ("hold_invoices", "forever"),
        ("hold_invoices", "days"),  # how many?
        ("receiver", "1"),
    ):
        answer = ada.post(path, {**fields, name: value, "step": "save"}, csrf=tokens[ada])
        assert answer.status_code == 422 and "Not saved" in answer.text, (name, value)


def test_a_company_that_keeps_failing_is_told_on_its_lab_and_on_the_overview(
    lms: World, company: QuickBooks, lab: int, uma: Visitor
) -> None:
    lms.sql(
        "insert into qbo_sync.company_trouble (realm_id, since, failures, alone_until, error, dag_id, shown) values"
        " (%s, now() - interval '20 minutes', 1, now() + interval '15 minutes', 'Unavailable', %s, true)",
        company.realm,
        "invoice_lms_to_qbo",
    )
    told = "has not been able to sync since"
    assert told not in uma.get(f"/labs/{lab}").text, "it is tried again at once"
    lms.sql("update qbo_sync.company_trouble set failures = 2 where realm_id = %s", company.realm)
    assert told in uma.get(f"/labs/{lab}").text
    assert "for 20 min. It keeps trying." in uma.get("/").text
    lms.sql("delete from qbo_sync.company_trouble where realm_id = %s", company.realm)
    assert told not in uma.get(f"/labs/{lab}").text
