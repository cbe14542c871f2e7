"""The company check: its rules one by one, and the check itself against a real company in the sandbox."""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from airflow.sdk import RetryAction

from include.company.accounts import SETTINGS, choices
from include.company.check import CompanyFacts, check
from include.company.check_run import check_company, companies_to_check
from include.model.company import Account, CompanyInfo
from include.model.settings import CompanyPreferences
from include.orchestration import company_check, this_run
from include.orchestration.retries import POLICY, RETRIES
from include.qbo.company_info import parse_company_info
from include.qbo.errors import ReconnectRequired
from include.qbo.preferences import parse_preferences
from include.stack.postgres import ThrowawayServer
from include.sync.customer_link import CannotLink, candidates, likeness, link_customer
from tests.support.settings import LAB
from tests.support.world import World

INCOME = Account(account_id="2", name="Sales", type="Income", subtype="SalesOfProductIncome", active=True)
UNDEPOSITED = Account(
    account_id="10", name="Undeposited Funds", type="Other Current Asset", subtype="UndepositedFunds", active=True
)
FINE = CompanyFacts(
    info=CompanyInfo(subscription_status="PAID"),
    preferences=CompanyPreferences(),
    accounts=[INCOME, UNDEPOSITED],
    settings=[LAB],
    labs={1: "Bright"},
)


def found(facts: CompanyFacts) -> dict[str, str]:
    """Code → severity."""
    return {finding.code: finding.severity for finding in check(facts)}


def preferring(**changed: Any) -> CompanyFacts:
    """The fine company with other preferences."""
    return replace(FINE, preferences=CompanyPreferences(**changed))


def test_nothing_is_found_where_all_is_fine() -> None:
    assert check(FINE) == []
    unsaid = replace(FINE, preferences=parse_preferences({}), info=parse_company_info({}))
    assert check(unsaid) == [], "what QuickBooks does not say is no finding"


@pytest.mark.setting("shipping_account_id")
@pytest.mark.trap(52)
@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (preferring(custom_transaction_numbers=False), {"custom_numbers_off": "warning"}),
        (preferring(auto_apply_credit=True), {"auto_apply_credit_on": "warning"}),
        (preferring(auto_apply_payments=True), {"auto_apply_payments_on": "warning"}),
        (preferring(allow_shipping=False), {"shipping_box_off": "problem"}),
        (preferring(allow_discount=False), {"discount_box_off": "problem"}),
        (preferring(sales_tax=True, automated_sales_tax=True), {"automated_sales_tax": "warning"}),
        (preferring(sales_tax=True), {"sales_tax": "note"}),
        (preferring(multi_currency=True), {"multi_currency": "warning"}),
        (preferring(book_close_date=date(2026, 3, 31)), {"closing_date": "note"}),
        (preferring(book_close_date=date(2026, 4, 1)), {"closing_date": "warning"}),
        (replace(FINE, accounts=[INCOME]), {"account_missing": "problem"}),
        (replace(FINE, accounts=[replace(INCOME, active=False), UNDEPOSITED]), {"account_inactive": "problem"}),
        (replace(FINE, accounts=[replace(INCOME, type="Expense"), UNDEPOSITED]), {"account_type": "problem"}),
        (
            replace(preferring(shipping_account_id="7"), settings=[replace(LAB, shipping_account_id="2")]),
            {"shipping_account_differs": "warning"},
        ),
        (replace(FINE, info=CompanyInfo(subscription_status="EXPIRED")), {"subscription": "problem"}),
    ],
)
def test_each_rule(facts: CompanyFacts, expected: dict[str, str]) -> None:
    assert found(facts) == expected
    for finding in check(facts):
        assert finding.message and finding.effect and finding.resolution
        assert "None" not in finding.message + finding.effect + finding.resolution


def test_each_setting_offers_only_accounts_that_quickbooks_accepts_and_the_chosen_one() -> None:
    income = SETTINGS[0]
    inactive = replace(INCOME, account_id="3", active=False)
    assert choices(income, [INCOME, UNDEPOSITED, inactive], None) == [INCOME]
    assert choices(income, [INCOME, UNDEPOSITED, inactive], "3") == [INCOME, inactive]


def test_a_real_company_is_checked_and_findings_come_and_go(world: World) -> None:
    realm = world.qbo.realm
    assert [one["realm_id"] for one in companies_to_check(world.runtime)] == [realm]
    check_company(world.runtime, realm)
    world.qbo.control("POST", f"companies/{realm}/preferences", {"SalesFormsPrefs": {"AutoApplyCredit": True}})
    sales = next(one for one in world.qbo.all("Account") if one["Id"] == _setting(world, "income_account_id"))
    world.qbo.deactivate("Account", sales)
    counts = check_company(world.runtime, realm)
    assert counts["problem"] == 1 and counts["warning"] == 1
    in_force = "select code from qbo_sync.company_finding where resolved_at is null and severity <> 'note' order by 1"
    assert [one["code"] for one in world.sql(in_force)] == ["account_inactive", "auto_apply_credit_on"]
    assert world.value("select warnings -> 0 ->> 'code' from qbo_sync.company") == "auto_apply_credit_on"
    world.qbo.control("POST", f"companies/{realm}/preferences", {"SalesFormsPrefs": {"AutoApplyCredit": False}})
    check_company(world.runtime, realm)
    assert [one["code"] for one in world.sql(in_force)] == ["account_inactive"]
    resolved = world.sql("select * from qbo_sync.company_finding where code = 'auto_apply_credit_on'")
    assert resolved[0]["resolved_at"] is not None, "its history is kept"
    known = world.sql("select * from qbo_sync.company_account where not active")
    assert [one["account_id"] for one in known] == [sales["Id"]]
    checked = world.sql("select * from qbo_sync.company_check")[0]
    assert (checked["plan"], checked["currency"]) == ("QuickBooks Online Plus", "USD")


def test_a_company_that_must_be_connected_again_fails_its_check_every_day(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other DAGs leave it out, so nothing else would turn red."""
    realm = world.qbo.realm
    world.sql("update qbo_sync.company set status = 'reconnect_required'")
    assert [one["realm_id"] for one in companies_to_check(world.runtime)] == [realm]
    context = {"dag_run": SimpleNamespace(dag_id="company_check", run_id="r1"), "params": {"realm_id": None}}
    for module in (company_check, this_run):
        monkeypatch.setattr(module, "get_current_context", lambda: context)
    monkeypatch.setattr("include.orchestration.runtime.runtime", lambda run: world.as_run(run.dag_id))
    (company,) = company_check.connected_companies.function()
    with pytest.raises(ReconnectRequired, match=r"Reconnect the company on the QuickBooks Online page") as failed:
        company_check.check.function(company)
    assert POLICY.evaluate(failed.value, 1, RETRIES).action is RetryAction.FAIL
    world.disconnect()
    assert companies_to_check(world.runtime) == [], "somebody wanted it so"


def _setting(world: World, name: str) -> str:
    return str(world.sql("select * from qbo_sync.connection")[0][name])


def test_names_are_compared_whatever_their_order() -> None:
    assert likeness("Dr. Jane Doe", "Doe, Dr. Jane") > 0.9
    assert likeness("Park Ave. Dental", "Park Avenue Dental") > 0.85
    assert likeness("Park Ave. Dental", "Lakeside Implants") < 0.5


def test_a_customer_is_linked_once_each_way(world: World) -> None:
    account, other = world.account("Park Avenue Dental"), world.account("Parkside Dental")
    pair = world.pair(account, "Dr. Park Dental")
    realm = world.qbo.realm
    with world.runtime.connect() as connection:
        likely = candidates(connection, realm, "Park Ave Dental")
        assert likely[0]["lms_id"] == account and {"billing_account", "doctor_office"} == {
            one["entity"] for one in likely
        }
        assert link_customer(connection, realm, "58", "billing_account", account) == "Park Avenue Dental"
        for customer_id, entity, lms_id in (
            ("58", "billing_account", other),
            ("58", "doctor_office", pair),
            ("59", "billing_account", account),
            ("60", "billing_account", 10**9),
            ("60", "invoice", account),
        ):
            with pytest.raises(CannotLink):
                link_customer(connection, realm, customer_id, entity, lms_id)
        assert account not in [one["lms_id"] for one in candidates(connection, realm, "Park") if one["account"] is None]
        connection.commit()
    # The sync takes the link for its own: an invoice goes to that very customer.
    customer = world.qbo.create("Customer", DisplayName="Parkside D.")
    with world.runtime.connect() as connection:
        link_customer(connection, realm, customer["Id"], "billing_account", other)
        connection.commit()
    invoice = world.simple_invoice(other)
    world.sync()
    assert world.qbo_invoice(invoice)["CustomerRef"]["value"] == customer["Id"]


def test_the_dashboard_reads_the_errors_and_nothing_of_the_page(world: World, postgres_server: ThrowawayServer) -> None:
    world.sql(
        "insert into qbo_sync.sync_error (billing_lab_id, realm_id, entity, direction, operation, error_code,"
        " message, resolution, record_entity, record_id)"
        " values (%s, %s, 'invoice', 'lms_to_qbo', 'create', 'qbo_6140', 'm', 'r', 'invoice', '1')",
        world.lab,
        world.qbo.realm,
    )
    as_superuser = f"{postgres_server.admin_url.rpartition('/')[0]}/{world.database_url.rpartition('/')[2]}"
    with psycopg.connect(as_superuser) as connection:
        connection.execute("set role lms_dashboard")
        seen = connection.execute("select billing_lab_name, error_code from qbo_sync.action_item").fetchall()
        assert seen == [("Bright Dental Lab", "qbo_6140")]
        for table in ("page_change", "oauth_login", "company_finding", "error_retry", "former_connection", "company"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(f"select * from qbo_sync.{table}".encode())


def test_an_outcome_knows_how_long_its_change_waited_and_whose_it_was(world: World) -> None:
    invoice = world.simple_invoice()
    world.sync()
    outcome = world.sql(
        "select * from qbo_sync.sync_outcome where entity = 'invoice' and record_id = %s and outcome = 'created'",
        str(invoice),
    )[0]
    assert outcome["billing_lab_id"] == world.lab
    assert 0 <= (outcome["at"] - outcome["marked_at"]).total_seconds() < 60
