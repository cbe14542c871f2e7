"""What a change of settings says before it is saved, and how figures are drawn: pure functions."""

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import get_args

import pytest

from include.model.record import Entity, Outcome
from include.page.chart import ceiling, make_chart
from include.page.consequences import Facts, consequences
from include.page.reconciliation_csv import as_csv
from include.page.reconciliation_data import FIGURES, LabProof
from include.page.words import ENTITIES, ENTITY_PLURALS, OUTCOMES, ago, several, span, until
from include.qbo.oauth import OAuthApp
from include.qbo.web import web_of
from tests.support.settings import LAB

FACTS = Facts(lab="Bright", receiver="Bright", new_receiver="Bright")


def test_nothing_changed_causes_nothing() -> None:
    assert consequences(LAB, LAB, FACTS) == []


def test_switched_on_again_says_how_much_syncs() -> None:
    off = replace(LAB, sync_payments=False)
    facts = replace(FACTS, waiting={("qbo_to_lms", "payment"): 2, ("lms_to_qbo", "payment"): 5})
    (change,) = consequences(off, LAB, facts)
    assert (change.kind, change.effect) == (
        "starts",
        "Payments sync again. 7 records changed in the meantime sync right away.",
    )
    (change,) = consequences(LAB, off, FACTS)
    assert change.kind == "stops" and "Changes are kept" in change.effect


@pytest.mark.parametrize(
    ("before", "after", "kind", "words"),
    [
        (
            date(2026, 4, 1),
            date(2026, 1, 1),
            "starts",
            "12 invoices totaling $1,500.00 that have not been sent to QuickBooks",
        ),
        (date(2026, 4, 1), None, "starts", "yet will be sent"),
        (None, date(2026, 4, 1), "stops", "will not be sent"),
        (date(2026, 1, 1), date(2026, 4, 1), "stops", "later changes to them do not sync"),
    ],
)
def test_a_moved_start_date(before: date | None, after: date | None, kind: str, words: str) -> None:
    old, new = replace(LAB, sync_start_date=before), replace(LAB, sync_start_date=after)
    (change,) = consequences(old, new, replace(FACTS, between=12, between_total=Decimal(1500)))
    assert change.kind == kind and words in change.effect


def test_a_hold_says_what_waits_and_what_goes() -> None:
    days, month = replace(LAB, hold_invoices="days", hold_days=7), replace(LAB, hold_invoices="month_end")
    (change,) = consequences(LAB, days, FACTS)
    assert (change.kind, change.before, change.after) == ("stops", "Off", "7 days after the invoice date")
    assert "already in QuickBooks are not affected" in change.effect
    (change,) = consequences(days, month, replace(FACTS, held=1))
    assert "1 invoice held now waits by the new setting instead" in change.effect
    (change,) = consequences(month, LAB, replace(FACTS, held=12))
    assert (change.kind, change.effect) == (
        "starts",
        "New invoices go to QuickBooks right away. 12 held invoices are sent now.",
    )
    assert consequences(month, replace(month, hold_days=3), FACTS) == [], "the days do not matter then"
    first, last = datetime(2026, 12, 1, 12, tzinfo=UTC), datetime(2026, 12, 5, 12, tzinfo=UTC)
    assert (until(first, first), until(first, last)) == (
        "until 12/01/2026",
        "until 12/01/2026, the last until 12/05/2026",
    )


@pytest.mark.parametrize(("before", "after"), [("both", "lms_to_qbo"), ("lms_to_qbo", "qbo_to_lms")])
def test_a_changed_direction_says_what_ends(before: str, after: str) -> None:
    (change,) = consequences(replace(LAB, direction=before), replace(LAB, direction=after), FACTS)
    assert change.kind == "stops" and "Nothing syncs" in change.effect


def test_accounts_and_receiver_by_their_names() -> None:
    changes = consequences(
        LAB,
        replace(LAB, deposit_account_id="8", tax_account_id="2"),
        replace(FACTS, accounts={"8": "Checking", "10": "Undeposited Funds", "2": "Sales"}, new_receiver="Smile"),
    )
    assert [(one.before, one.after) for one in changes] == [
        ("Undeposited Funds", "Checking"),
        ("the income account", "Sales"),
        ("Bright", "Smile"),
    ]


def test_the_chart_fits_its_frame() -> None:
    begin = datetime(2026, 11, 1, tzinfo=UTC)
    chart = make_chart([(begin + timedelta(hours=hour), hour * 3, hour) for hour in range(24)], hourly=True)
    assert (chart.synced, chart.failed) == (828, 276)
    for bar in chart.bars:
        assert bar.failed_y >= 9 and bar.x + bar.width <= chart.right
        assert bar.synced_y + bar.synced_height == pytest.approx(chart.baseline, abs=0.2)
    assert make_chart([], hourly=False).bars == []
    assert [ceiling(n) for n in (0, 4, 5, 10, 11, 41, 101, 999)] == [4, 4, 10, 10, 20, 100, 200, 1000]


@pytest.mark.parametrize(
    ("api", "environment", "link"),
    [
        ("https://quickbooks.api.intuit.com", "production", "https://app.qbo.intuit.com/app/invoice?txnId=12%263"),
        ("https://sandbox-quickbooks.api.intuit.com", "sandbox", "https://app.sandbox.qbo.intuit.com/app/invoice?txnId=12%263"),
        ("http://127.0.0.1:8083", "local", "http://127.0.0.1:8083/companies/9/Invoice/12%263"),
        ("https://quickbooks.api.intuit.com.evil.example", "local", None),
    ],
)  # fmt: skip
def test_links_into_quickbooks(api: str, environment: str, link: str | None) -> None:
    app = OAuthApp(client_id="c", client_secret="s", discovery_url="d", api_base_url=api)
    assert web_of(app).environment == environment
    assert link is None or web_of(app).document("9", "invoice", "12&3") == link
    assert web_of(app).document("9", "invoice", None) is None


def test_every_kind_of_record_and_every_outcome_has_words() -> None:
    assert set(ENTITIES) == set(ENTITY_PLURALS) == set(get_args(Entity))
    assert set(OUTCOMES) == set(get_args(Outcome))


def test_words_for_figures() -> None:
    now = datetime.now().astimezone()
    assert [span(seconds) for seconds in (0.2, 5, 90, 7200, 200_000)] == [
        "less than 1 sec",
        "5 sec",
        "2 min",
        "2 hours",
        "2 days",
    ]
    assert ago(None) == "never" and ago(now - timedelta(hours=1), now) == "1 hour ago"
    assert several(1, "record") == "1 record" and several(1200, "record") == "1,200 records"


def test_a_name_that_looks_like_a_formula_is_text_in_the_csv() -> None:
    figures = {f"{side}_{name}": Decimal(1) for side in ("lms", "qbo") for name, _ in FIGURES}
    record = {
        **figures,
        "entity": "invoice",
        "number": "=2+3",
        "dated": None,
        "lms_customer": "1",
        "qbo_customer": "1",
        "lms_amount": Decimal(1),
        "lms_open": Decimal("-1.5"),
        "qbo_amount": Decimal(1),
        "qbo_open": Decimal(1),
        "cause": "drift",
        "reason": "@why",
        "what_to_do": "+do",
    }
    customer = {**figures, "customer": "1", "name": "=1+1", "parent": "-1", "records": [record]}
    found = LabProof(proof={}, lab={}, state="differs", customers=[customer], differences=[record], totals={}, aging=[])
    rows = list(csv.reader(io.StringIO(as_csv(found))))
    assert rows[1][:3] == ["Customer", "'-1", "'=1+1"]
    difference = rows[-1]
    assert (difference[4], difference[11], difference[12]) == ("'=2+3", "'@why", "'+do")
    assert difference[7:10] == ["-1.5", "1", "2.5"]
