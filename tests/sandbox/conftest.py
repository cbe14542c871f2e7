"""A sandbox for all tests, and one for those that move the clock or set limits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.sandbox.books import Books
from tests.support.sandbox.harness import NO_LIMITS, Sandbox


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """Without limits; tests make companies of their own and change nothing that others see."""
    with Sandbox("--no-throttle", "--seed", "7") as running:
        yield running


@pytest.fixture(scope="session")
def _second() -> Iterator[Sandbox]:
    with Sandbox("--no-throttle", "--seed", "8") as running:
        yield running


@pytest.fixture
def lone(_second: Sandbox) -> Iterator[Sandbox]:
    """A sandbox whose clock, limits, faults and switches a test may change; they are put back."""
    yield _second
    _second.control("/limits", NO_LIMITS | {"core_plus_per_month": None})
    _second.control("/faults", method="DELETE")
    values = _second.control("/switches", method="GET")
    changed = {name: None for name, held in values.items() if held["value"] != held["default"]}
    _second.control("/switches", changed)
    _second.control("/clock", {"frozen": False, "offset_seconds": 0})
    _second.control("/webhooks", {}, "DELETE")
    _second.control("/stats/reset")


@pytest.fixture
def books(sandbox: Sandbox) -> Books:
    """A fresh company."""
    return Books(sandbox)


@pytest.fixture
def lone_books(lone: Sandbox) -> Books:
    """A fresh company of the sandbox that may be changed."""
    return Books(lone)
