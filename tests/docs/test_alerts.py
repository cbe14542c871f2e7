"""The runbook has an entry per kind of alert and a row per metric; the words of an alert are whole sentences."""

import re
from datetime import UTC, datetime

import pytest

from include.alerts.causes import KINDS, Fact, Kind, alert
from include.company.metrics import METRICS
from tests.docs.documents import marked, section

PAGE = "docs/operations.md"
WHEN = datetime(2026, 11, 27, 7, 38, tzinfo=UTC)


def test_each_alert_has_an_entry_that_says_who_acts_how_to_check_and_how_to_fix() -> None:
    pieces = re.split(r"^### (\w+)$", marked(PAGE, "alerts"), flags=re.MULTILINE)
    entries = dict(zip(pieces[1::2], pieces[2::2], strict=True))
    assert list(entries) == list(KINDS)
    for kind, entry in entries.items():
        parts = re.split(r"\*\*(Means|Who acts|Check|Fix):\*\*", entry)
        assert parts[1::2] == ["Means", "Who acts", "Check", "Fix"], kind
        assert all(part.strip() for part in parts[2::2]), kind


def test_each_metric_is_explained_as_the_code_says() -> None:
    rows = dict(re.findall(r"^\| `(pilot\.[a-z_]+)` \| (.+) \|$", section(PAGE, "Metrics"), re.MULTILINE))
    assert rows == dict(METRICS)


def facts(kind: Kind) -> list[Fact]:
    """Facts of the kind, one of each sort."""
    labs = ["Bright Dental Lab", "Northlight", "Cedar", "Park"]
    subject = {"slow_run": "invoice_lms_to_qbo/manual__1", "late": "invoice_lms_to_qbo", "old_errors": "name_taken"}
    return [
        Fact(
            kind=kind,
            since=WHEN,
            realm_id="1",
            subject=subject.get(kind, ""),
            company="Bright",
            labs=labs[:some],
            lab_id=3,
            count=count,
            total=2000,
            said=said if kind == "books_differ" else "It failed.",
        )
        for some, count, said in ((1, 1, "It failed."), (2, 8, "It failed."), (4, 1200, "It failed."), (1, 0, "failed"))
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_what_an_alert_says_is_whole_sentences_and_ends_with_where_to_act(kind: Kind) -> None:
    for fact in facts(kind):
        said = alert(fact, "https://airflow.labs.example/")
        assert re.fullmatch(r"\S.*[^.\s]", said.title) and "\n" not in said.title
        words, link = said.message.rsplit("\n", 1)
        assert re.fullmatch(r"[A-Z0-9].*\.", words) and re.fullmatch(r"[A-Z].*\.", said.over)
        assert re.fullmatch(r"https://airflow\.labs\.example/(quickbooks|dags)\S*", link)
        assert not re.search(r"None|[{}]|  |\.\.|\(\)", f"{said.title} {words} {said.over}"), words


def test_labs_and_moments_as_people_write_them() -> None:
    [one, two, many, _] = [alert(fact, "") for fact in facts("reconnect")]
    assert "(for Bright Dental Lab)" in one.message
    assert "(for Bright Dental Lab and Northlight)" in two.message
    assert "(for Bright Dental Lab, Northlight, Cedar, and 1 more)" in many.message
    assert "since Nov 27, 2026, 7:38 AM UTC" in alert(facts("failing")[0], "").title
