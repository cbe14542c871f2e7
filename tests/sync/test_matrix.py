"""Each cell of the matrix, each note of the sync rules, each trap and each setting has a test that runs.

The tests say themselves what they prove, by markers (tests/support/rules.py); here they are collected from the source.
"""

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import pytest

from include.model.settings import ConnectionSettings
from include.sync.plan.matrix import MATRIX
from tests.support.rules import CONNECTIONS, NOT_MET, NOTES, TRAPS

TESTS = Path(__file__).resolve().parents[1]

#: A note or trap that is taken away must be taken from here too.
HOW_MANY_NOTES, HOW_MANY_TRAPS = 89, 55

SECTIONS = {"2", "3", "4", "5", "6", "7", "9", *(f"8.{number}" for number in range(1, 10))}
SETTINGS = {field.name for field in fields(ConnectionSettings)} - {"billing_lab_id", "realm_id"} | set(CONNECTIONS)

#: Every change that can happen to a record. Only QuickBooks voids, and only transactions.
CELLS = {tuple(cell) for cell in MATRIX}

#: What a marker may name.
KNOWN: Mapping[str, Collection[object]] = {"cell": CELLS, "rule": NOTES, "trap": TRAPS, "setting": SETTINGS}

#: Trap 11 is about a table of codes.
NEEDS_NO_PIPELINE = {11, *NOT_MET}


@dataclass(frozen=True)
class Proof:
    """A test with what its markers say that it proves."""

    path: Path
    function: ast.FunctionDef
    marks: Sequence[tuple[str, object]]

    @property
    def name(self) -> str:
        return f"{self.path.relative_to(TESTS)}::{self.function.name}"

    @property
    def in_the_pipeline(self) -> bool:
        """It has a World: the LMS's tables, QuickBooks' API, and the real steps in between."""
        arguments = {argument.arg for argument in self.function.args.args}
        return self.path.parent.name == "sync" and bool(arguments & {"world", "invoiced", "clock"})


@cache
def functions_of(path: Path) -> dict[str, ast.FunctionDef]:
    """The functions of a file, by name."""
    return {node.name: node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}


def marks_of(function: ast.FunctionDef) -> Iterator[tuple[str, object]]:
    """A cell as (entity, side, change); of the others each argument by itself."""
    for one in function.decorator_list:
        if not (isinstance(one, ast.Call) and ast.unparse(one.func).startswith("pytest.mark.")):
            continue
        kind = ast.unparse(one.func).rpartition(".")[2]
        if kind in KNOWN:
            given = [ast.literal_eval(argument) for argument in one.args]
            yield from [(kind, tuple(given))] if kind == "cell" else [(kind, each) for each in given]


@cache
def proofs() -> tuple[Proof, ...]:
    """All tests with such markers."""
    return tuple(
        Proof(path, function, marks)
        for path in sorted(TESTS.rglob("test_*.py"))
        for function in functions_of(path).values()
        if (marks := tuple(marks_of(function)))
    )


def proving(kind: str, what: object) -> list[Proof]:
    return [proof for proof in proofs() if (kind, what) in proof.marks]


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


def skips(function: ast.FunctionDef) -> bool:
    """Whether it may skip itself."""
    marks = [ast.unparse(one) for one in function.decorator_list]
    return bool(called_by(function) & {"pytest.skip", "pytest.xfail", "pytest.importorskip"}) or any(
        mark.startswith(("pytest.mark.skip", "pytest.mark.xfail")) for mark in marks
    )


@pytest.mark.parametrize("cell", [pytest.param(cell, id=" ".join(cell)) for cell in MATRIX])
def test_a_cell_is_proved_through_the_real_steps(cell: tuple[str, str, str]) -> None:
    assert any(proof.in_the_pipeline for proof in proving("cell", tuple(cell)))


@pytest.mark.parametrize("note", NOTES)
def test_a_note_of_the_rules_is_proved(note: str) -> None:
    assert proving("rule", note), NOTES[note]


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_is_proved(trap: int) -> None:
    found = proving("trap", trap)
    assert found, TRAPS[trap]
    assert trap in NEEDS_NO_PIPELINE or any(proof.in_the_pipeline for proof in found), TRAPS[trap]


@pytest.mark.parametrize("setting", sorted(SETTINGS))
def test_a_setting_is_proved(setting: str) -> None:
    assert proving("setting", setting)


@pytest.mark.parametrize("proof", [pytest.param(proof, id=proof.name) for proof in proofs()])
def test_a_proof_asserts_and_cannot_skip_itself_and_names_what_there_is(proof: Proof) -> None:
    assert asserts(proof.path, proof.function)
    assert not skips(proof.function)
    assert len(set(proof.marks)) == len(proof.marks), "nothing is named twice"
    for kind, what in proof.marks:
        assert what in KNOWN[kind], (kind, what)


def test_nothing_has_been_lost() -> None:
    assert len(NOTES) == HOW_MANY_NOTES
    assert sorted(TRAPS) == list(range(1, HOW_MANY_TRAPS + 1))
    assert {note.rpartition(".")[0] for note in NOTES} == {*SECTIONS, "feed"}


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("@pytest.mark.skip\ndef test_x():\n    assert True", "may skip itself"),
        ("def test_x():\n    pytest.skip()\n    assert True", "may skip itself"),
        ("def test_x():\n    print()", "asserts nothing"),
    ],
)
def test_a_test_that_proves_nothing_is_found(source: str, fault: str) -> None:
    [function] = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    assert skips(function) if fault == "may skip itself" else not asserts(Path(__file__), function)
