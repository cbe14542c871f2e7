"""What all histories share."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from include.expectations import check
from include.model.problem import Problem
from include.model.record import Entity, Side
from tests.support.figures import Tell

_told: Counter[str] = Counter()

#: No step makes a name that is not right, and two thirds of the time would go into checking them.
ALWAYS_RIGHT = {"billing_account", "doctor_office", "product", "special_item"}


@pytest.fixture(autouse=True)
def one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that does not try again by itself, so that an answer that gets lost stays lost."""
    monkeypatch.setattr("include.qbo.client.ATTEMPTS", 1)


@pytest.fixture(autouse=True)
def names_unchecked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """In `make test` the suites of customers and items are left out; the long histories run them too."""
    everything = check.check

    def what_can_be_wrong(entity: Entity, side: Side, records: Mapping[str, Any]) -> dict[str, list[Problem]]:
        return {} if entity in ALWAYS_RIGHT else everything(entity, side, records)

    if request.node.get_closest_marker("long") is None:
        monkeypatch.setattr(check, "check", what_can_be_wrong)


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Tell:
    """For figures."""

    def add(name: str, number: int) -> None:
        request.node.user_properties.append((name, number))

    return add


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Figures of the tests, which mostly run in other processes."""
    if report.when == "call":
        for name, number in report.user_properties:
            _told[name] += int(str(number))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """In the end, all together."""
    for name, number in sorted(_told.items()):
        terminalreporter.write_line(f"{name}: {number:,}")
