"""Companies share tasks; one that is slow, throttled, or refused delays no other (decision 0027)."""

from dataclasses import dataclass
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from include.orchestration import tasks
from include.orchestration.tasks import Shard
from include.qbo.errors import ReconnectRequired, ThrottleExceeded
from include.sync import shards
from tests.support.quickbooks import QuickBooks, make_company
from tests.support.task_functions import pretend_airflow
from tests.support.world import INVOICES, World


@dataclass
class Four:
    """The world with three further labs, each on a company of its own, and a practice that is known in all four."""

    world: World
    monkeypatch: pytest.MonkeyPatch
    labs: dict[str, int]
    companies: dict[str, QuickBooks]
    pair: int
    product: int

    def invoice(self, name: str) -> int:
        """Another invoice of that lab."""
        world = self.world
        return world.invoice(world.case(self.pair, [{"product": self.product}], lab=self.labs[name]))

    def shards(self, **params: Any) -> list[Shard]:
        """A new run, and what its first task says."""
        pretend_airflow(self.world, self.monkeypatch, INVOICES, **params)
        return tasks.companies.function()

    def names(self, shard: Shard) -> list[str]:
        """The labs whose companies are in the shard."""
        return [
            name
            for one in shard["companies"]
            for name, company in self.companies.items()
            if company.realm == one["realm_id"]
        ]

    def fault(self, name: str, kind: str, **more: object) -> None:
        """Something that QuickBooks does to requests for that company."""
        self.world.qbo.control("POST", "faults", {"kind": kind, "realm": self.companies[name].realm, **more})

    def rest_is_over(self) -> None:
        """As if the pause of the companies that failed had passed."""
        self.world.sql("update qbo_sync.company_trouble set retry_at = null")


@pytest.fixture
def four(world: World, monkeypatch: pytest.MonkeyPatch) -> Four:
    labs, companies = {"Bright": world.lab}, {"Bright": world.qbo}
    for name in ("Throttled", "Slow", "Revoked"):
        labs[name], companies[name] = world.billing_lab(name), make_company(world.qbo.url, name)
        world.connect(labs[name], companies[name])
    pair, product = world.pair(world.account()), world.product()
    four = Four(world=world, monkeypatch=monkeypatch, labs=labs, companies=companies, pair=pair, product=product)
    for name in labs:
        four.invoice(name)
    world.run()
    return four


def run(shard: Shard) -> Shard:
    """A shard's row of tasks."""
    for task in (tasks.extract, tasks.transform, tasks.validate, tasks.load):
        shard = task.function(shard)
    return shard


def test_companies_with_little_to_do_share_a_task_and_busy_or_failing_ones_do_not() -> None:
    company = {"records": 1, "alone": False}
    found = [{"realm_id": str(n), "name": f"Lab {n}", **company} for n in range(33)]
    found[4]["records"] = shards.RECORDS + 1
    found[7]["alone"] = True
    made = shards.in_shards(found, 16)
    assert [shard["name"] for shard in made[:2]] == ["Lab 7", "Lab 4"]
    assert [len(shard["companies"]) for shard in made[2:]] == [16, 15]
    assert sorted(int(one["realm_id"]) for shard in made for one in shard["companies"]) == list(range(33))
    everything_fails = shards.in_shards([{**one, "alone": True} for one in found], 16)
    assert [len(shard["companies"]) for shard in everything_fails] == [1] * shards.APART + [13, 12]
    assert shards.in_shards([], 16) == []


def test_a_company_that_fails_leaves_its_shard_and_is_worked_alone_under_its_name(
    four: Four, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "HURRY", 1.0)
    world = four.world
    made = {name: four.invoice(name) for name in four.labs}
    four.fault("Throttled", "http_429")
    four.fault("Slow", "slow", seconds=2.5)
    world.sql(
        "update qbo_sync.company set refresh_token_encrypted = %s, access_token_expires_at = now() where realm_id = %s",
        world.runtime.vault.seal("revoked"),
        four.companies["Revoked"].realm,
    )
    [shard] = four.shards()
    assert sorted(four.names(shard)) == sorted(four.labs)
    assert four.names(run(shard)) == ["Bright"]
    assert [name for name, invoice in made.items() if world.link("invoice", invoice)] == ["Bright"]

    apart = {shard["name"]: shard for shard in four.shards()}
    assert sorted(apart) == ["Revoked", "Slow", "Throttled"]
    with pytest.raises(ReconnectRequired, match="Reconnect the company"):
        tasks.extract.function(apart["Revoked"])
    # Alone, it has the time that it needs.
    run(apart["Slow"])
    assert world.link("invoice", made["Slow"])
    monkeypatch.setattr("include.qbo.client.THROTTLE_ATTEMPTS", 0)
    with pytest.raises(ThrottleExceeded):
        tasks.extract.function(apart["Throttled"])

    world.qbo.control("DELETE", "faults")
    later = four.invoice("Throttled")
    assert four.shards() == [], "the one rests, the other one waits for a person"
    four.rest_is_over()
    [again] = four.shards()
    assert again["name"] == "Throttled"
    run(again)
    assert world.link("invoice", later)
    failures = world.sql(
        "select c.name from qbo_sync.company_trouble t join qbo_sync.company c using (realm_id) where failures > 0"
    )
    assert [one["name"] for one in failures] == ["Revoked"]


def test_a_company_that_loses_an_answer_in_a_shared_load_is_finished_alone_and_writes_nothing_twice(four: Four) -> None:
    world = four.world
    made = {name: four.invoice(name) for name in four.labs}
    four.fault("Slow", "drop_connection", entity="Invoice", operation="create")
    [shard] = four.shards()
    loaded = run(shard)
    assert sorted(four.names(loaded)) == ["Bright", "Revoked", "Throttled"]
    assert world.link("invoice", made["Slow"]) is None
    world.qbo.control("DELETE", "faults")
    [alone] = four.shards()
    assert alone["name"] == "Slow"
    run(alone)
    assert world.link("invoice", made["Slow"])
    assert len(four.companies["Slow"].all("Invoice")) == 2


def test_a_disconnected_company_leaves_its_shard_without_a_failure(four: Four) -> None:
    world = four.world
    made = {name: four.invoice(name) for name in four.labs}
    [shard] = four.shards()
    world.sql("update qbo_sync.company set status = 'disconnected' where name = 'Slow'")
    assert sorted(four.names(run(shard))) == ["Bright", "Revoked", "Throttled"]
    assert world.link("invoice", made["Slow"]) is None
    assert world.sql("select * from qbo_sync.company_trouble") == []
    with pytest.raises(AirflowSkipException):
        tasks.extract.function(
            {"name": "Slow", "companies": [one for one in shard["companies"] if one["name"] == "Slow"]}
        )


@pytest.mark.parametrize("choice", ["dry_run", "release_held"])
def test_what_a_person_chose_for_a_run_is_left_to_no_other(four: Four, choice: str) -> None:
    for name in four.labs:
        four.invoice(name)
    assert [shard["name"] for shard in four.shards()] != sorted(four.labs)
    assert sorted(shard["name"] for shard in four.shards(**{choice: True})) == [
        "Bright Dental Lab",
        "Revoked",
        "Slow",
        "Throttled",
    ]


def test_a_company_keeps_its_own_task_until_it_has_succeeded(four: Four) -> None:
    """However long it has rested."""
    for name in four.labs:
        four.invoice(name)
    four.world.sql(
        "insert into qbo_sync.company_trouble (realm_id, failures, retry_at, alone_until, error, dag_id, shown)"
        " values (%s, 7, now() - interval '1 second', now() - interval '1 second', 'x', 'y', true)",
        four.companies["Slow"].realm,
    )
    assert "Slow" in [shard["name"] for shard in four.shards()]


def test_a_company_that_is_well_again_in_a_shared_task_has_no_trouble(four: Four) -> None:
    for name in four.labs:
        four.invoice(name)
    [shard] = four.shards()
    four.world.sql(
        "insert into qbo_sync.company_trouble (realm_id, failures, alone_until, error, dag_id, shown)"
        " values (%s, 7, now() - interval '1 second', 'x', 'y', true)",
        four.companies["Slow"].realm,
    )
    run(shard)
    assert four.world.value("select count(*) from qbo_sync.company_trouble where failures > 0") == 0
