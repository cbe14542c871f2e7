"""Control calls that no other test uses, and that a seed repeats."""

from __future__ import annotations

from tests.support.sandbox.books import Books
from tests.support.sandbox.harness import Sandbox


def test_companies_are_idempotent(sandbox: Sandbox) -> None:
    first = sandbox.control("/companies", {"name": "One", "realm_id": "4620816365111111111"})
    again = sandbox.control("/companies", {"name": "Another", "realm_id": "4620816365111111111"})
    assert first == again == {"realm_id": "4620816365111111111", "name": "One"}
    assert first in sandbox.control("/companies", method="GET")


def test_mistakes_are_explained(sandbox: Sandbox) -> None:
    for path, body, status in (
        ("/companies/1/grants", {}, 404),
        ("/companies", {"realm_id": "x"}, 400),
        ("/limits", {"nonsense": 1}, 400),
        ("/limits", {"concurrent": "many"}, 400),
        ("/switches", {"nonsense": True}, 400),
        ("/switches", {"default_order": "random"}, 400),
        ("/switches", {"rotation_hours": "daily"}, 400),
        ("/clock", {"now": "soon"}, 400),
        ("/webhooks", {"url": "ftp://x", "verifier_token": "x"}, 400),
        ("/webhooks", {}, 400),
    ):
        answer = sandbox.http.post(f"{sandbox.url}/sandbox{path}", json=body, timeout=10)
        assert (answer.status_code, bool(answer.json()["error"])) == (status, True), path


def test_every_switch_says_why(sandbox: Sandbox) -> None:
    for name, held in sandbox.control("/switches", method="GET").items():
        assert held["why"], name
        assert not held["values"] or held["default"] in held["values"], name


def test_a_company_is_furnished(books: Books) -> None:
    subtypes = {row["AccountSubType"] for row in books.rows("select * from Account maxresults 1000")}
    assert subtypes >= {
        "DiscountsRefundsGiven",
        "UndepositedFunds",
        "AccountsReceivable",
        "Checking",
        "SalesTaxPayable",
    }
    prefs = books.sandbox.control(f"/companies/{books.realm}", method="GET")["preferences"]["SalesFormsPrefs"]
    assert prefs["AllowShipping"] and prefs["AllowDiscount"] and prefs["CustomTxnNumbers"]
    assert {row["Name"] for row in books.rows("select * from Item")} == {"Services", "Hours"}
    assert books.rows("select * from PaymentMethod where Name = 'Check'")


def test_a_seed_repeats() -> None:
    seen = []
    for _ in range(2):
        with Sandbox("--seed", "42") as sandbox:
            realm = sandbox.company("A")
            seen.append((realm, sandbox.grant(realm)))
    assert seen[0] == seen[1]
