"""What all histories share."""

from collections import Counter
from typing import Any

import pytest

from tests.support.figures import Tell

_told: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that does not try again by itself, so that an answer that gets lost stays lost."""
    monkeypatch.setattr("include.qbo.client.ATTEMPTS", 1)


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
