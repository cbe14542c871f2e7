"""Where things stand among the tests: what they share is in tests/support, and nothing else is imported."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
SUPPORT = TESTS / "support"

#: Called by tests/support alone, so that one module has to change when these move.
STEPS = (
    "include.reconciliation.steps",
    "include.sync.capture",
    "include.sync.flows",
    "include.sync.dry_run",
    "include.sync.poll",
    "include.sync.poll_state",
    "include.sync.retention",
    "include.sync.steps",
    "include.undo.steps",
)


def modules() -> list[Path]:
    return sorted(TESTS.rglob("*.py"))


def imported(source: str) -> Iterator[str]:
    """The modules and names that it imports, anywhere in it, dotted."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


def foreign(path: Path, source: str) -> list[str]:
    """What a module of the tests imports and should not."""
    found = []
    for name in imported(source):
        of_a_test = any(part.startswith("test_") or part == "conftest" for part in name.split(".")[:-1])
        if name.startswith("tests.") and (of_a_test or name.rpartition(".")[2].startswith("test_")):
            found.append(name)
        if SUPPORT not in path.parents and any(f"{name}.".startswith(f"{step}.") for step in STEPS):
            found.append(name)
    return found


@pytest.mark.parametrize("path", [pytest.param(path, id=str(path.relative_to(TESTS))) for path in modules()])
def test_no_test_module_is_imported_and_the_steps_are_only_in_support(path: Path) -> None:
    assert foreign(path, path.read_text()) == [], "what tests share stands in tests/support"


@pytest.mark.parametrize(
    "statement",
    [
        "from tests.sync.test_invoices import world",
        "from tests.sync import test_invoices",
        "import tests.sync.test_invoices",
        "from tests.page.conftest import site",
        "def f():\n    from include.sync import steps",
        "from include.sync.capture import capture",
    ],
)
def test_a_module_that_imports_otherwise_is_found(statement: str) -> None:
    assert foreign(TESTS / "sync/test_x.py", statement)


def test_helpers_may_be_imported() -> None:
    assert foreign(TESTS / "sync/test_x.py", "from tests.support.world import World\nimport include.sync.plan") == []
