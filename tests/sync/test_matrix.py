"""The table: each cell of the matrix, each setting, each note of the rules and each trap has a test that runs."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from include.model.settings import ConnectionSettings
from tests.sync.matrix import CELLS, SETTINGS, TO_LMS, TO_QBO
from tests.sync.matrix_rules import RULES
from tests.sync.matrix_traps import TRAPS

TESTS = Path(__file__).resolve().parents[1]

#: Every note of sync-rules.md has its row: a row that is taken away must be taken from here too.
NOTES, TRAPS_KNOWN = 77, 55

#: Transactions can be voided in QuickBooks; a void in the LMS is not known.
WHOLE = set(
    product(("customer", "item", "invoice", "credit", "payment"), (TO_QBO, TO_LMS), ("create", "update", "delete"))
)
VOIDS = {(entity, TO_LMS, "void") for entity in ("invoice", "credit", "payment")}
BOXES = {
    (box, direction, operation)
    for box in ("shipping", "tax")
    for direction, operation in ((TO_QBO, "create"), (TO_LMS, "create"), (TO_LMS, "update"))
}


def rows() -> Iterator[tuple[str, Sequence[str]]]:
    for cell, tests in CELLS.items():
        yield " ".join(cell), tests
    yield from SETTINGS.items()
    yield from RULES.items()
    for number, trap in TRAPS.items():
        yield f"trap {number}: {trap.what}", trap.tests


@cache
def functions_of(path: Path) -> Mapping[str, ast.FunctionDef]:
    """The functions of a file, by name."""
    return {node.name: node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


def called_by(function: ast.FunctionDef) -> set[str]:
    """What it calls, as it is written."""
    return {ast.unparse(node.func) for node in ast.walk(function) if isinstance(node, ast.Call)}


def asserts(path: Path, function: ast.FunctionDef) -> bool:
    """Whether it, or a helper that it calls, says what must be so."""
    helpers = [functions_of(path)[name] for name in called_by(function) if name in functions_of(path)]
    return any(
        any(isinstance(node, ast.Assert) for node in ast.walk(one))
        or "pytest.raises" in called_by(one)
        or any(name.startswith("assert_") for name in called_by(one))
        for one in [function, *helpers]
    )


def place(name: str) -> tuple[Path, str]:
    """`folder/file.name` → its file and the test's name; without a folder it is this one."""
    where, _, test = name.partition(".")
    folder, _, file = where.rpartition("/")
    folder = f"sync/{folder}" if folder == "plan" else folder or "sync"
    return TESTS / folder / f"test_{file}.py", f"test_{test}"


@pytest.mark.parametrize(("row", "names"), [pytest.param(*row, id=row[0]) for row in rows()])
def test_a_row_has_tests_that_are_there_and_cannot_skip_themselves(row: str, names: Sequence[str]) -> None:
    assert names, f"{row} has no test"
    assert len(set(names)) == len(names)
    for name in names:
        path, test = place(name)
        assert path.exists(), f"{row}: there is no file {path}"
        assert test in functions_of(path), f"{row}: {path.name} has no {test}"
        function = functions_of(path)[test]
        assert asserts(path, function), f"{test} asserts nothing"
        skips = called_by(function) & {"pytest.skip", "pytest.xfail", "pytest.importorskip"}
        marks = [mark for one in function.decorator_list if (mark := ast.unparse(one)).startswith("pytest.mark.skip")]
        assert not skips and not marks, f"{test} may skip itself"


def test_each_cell_of_the_matrix_has_a_row() -> None:
    assert {tuple(cell) for cell in CELLS} == WHOLE | VOIDS | BOXES


def test_each_cell_is_proved_through_the_real_steps() -> None:
    """By a test of this folder, which has a World: the LMS's tables, QuickBooks' API, and the steps in between."""
    for row, names in [*((" ".join(cell), names) for cell, names in CELLS.items()), *_of_money()]:
        proofs = [functions_of(path)[test] for path, test in map(place, names) if path.parent.name == "sync"]
        with_world = [
            one for one in proofs if {"world", "invoiced", "clock"} & {argument.arg for argument in one.args.args}
        ]
        assert with_world, f"{row} is not proved in the pipeline"


def _of_money() -> Iterator[tuple[str, Sequence[str]]]:
    """Traps that the pipeline can meet."""
    for number, trap in TRAPS.items():
        if not trap.why and number != 11:  # 11 is about a table of codes
            yield f"trap {number}", trap.tests


def test_each_setting_of_a_connection_has_a_row() -> None:
    settings = {field.name for field in fields(ConnectionSettings)} - {"billing_lab_id", "realm_id"}
    assert settings <= set(SETTINGS)


def test_no_row_has_been_lost() -> None:
    assert len(RULES) == NOTES
    assert sorted(TRAPS) == list(range(1, TRAPS_KNOWN + 1))


def test_a_name_that_is_not_there_is_noticed() -> None:
    """The table's own test can fail."""
    with pytest.raises(AssertionError, match="has no test_nothing_of_the_kind"):
        test_a_row_has_tests_that_are_there_and_cannot_skip_themselves("x", ["invoices.nothing_of_the_kind"])
    with pytest.raises(AssertionError, match="has no test"):
        test_a_row_has_tests_that_are_there_and_cannot_skip_themselves("x", [])
