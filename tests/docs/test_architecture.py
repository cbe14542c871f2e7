"""The architecture page names every package, and leads to files, functions and views that are there."""

import ast
import re
from pathlib import Path

import pytest

from tests.docs.documents import PROJECT, parsed, section, text

PAGE = "docs/architecture.md"
RULES = "Where to find a rule"

#: `include/sync/lab.py`: `settings_for`, `is_on_for`
PLACE = re.compile(r"`([a-z_/]+\.(?:py|sql))`(?:: (`\w+`(?:(?: \([^)]*\))?, `\w+`)*))?")
#: The folders of the columns of the table of entities.
FOLDERS = ("include/sync/plan", "include/sync/entity", "include/lms", "include/qbo", "include/model")
LOOK_UPS = (
    "Is a void a delete?",
    "Which edits in the LMS are not pushed?",
    "Why is nothing created before an invoice needs it?",
    "Both sides changed, or one deleted: who wins?",
    "Is a case un-invoiced although its invoice is paid?",
)


def rows(head: str) -> list[list[str]]:
    """The cells of the rows of the table whose first heading is `head`."""
    table = re.search(rf"^\| {head} \|.*\n\|[ |-]+\|\n((?:\|.*\n)+)", text(PAGE), re.MULTILINE)
    assert table, f"no table {head}"
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in table[1].splitlines()]


def places(words: str) -> list[tuple[str, list[str]]]:
    """The files that are named, each with the names that are said to be in it."""
    return [(match[1], re.findall(r"`(\w+)`", match[2] or "")) for match in PLACE.finditer(words)]


def defined(path: Path) -> set[str]:
    """What a module defines: functions, methods, classes, constants; of SQL: functions, views, tables."""
    if path.suffix == ".sql":
        return set(re.findall(r"^create (?:or replace )?(?:function|view|table) \w+\.(\w+)", path.read_text(), re.M))
    names = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


@pytest.mark.parametrize("package", ["dags", "include", "plugins"])
def test_the_packages_are_named(package: str) -> None:
    named = section(PAGE, "What is where")
    for path in (PROJECT / package).iterdir():
        if package == "include" and path.is_dir() and not path.name.startswith("_"):
            assert f"`include/{path.name}/`" in named
    assert f"`{package}/" in named


def test_a_file_is_where_the_page_says() -> None:
    named = set(re.findall(r"`((?:include|dags|tests|plugins)/[^`<]+)`", text(PAGE)))
    assert "include/sync/plan/matrix.py" in named
    assert {path for path in named if not (PROJECT / path).exists()} == set()


def test_a_function_is_in_the_file_that_the_page_names() -> None:
    pairs = [(path, name) for path, names in places(section(PAGE, RULES)) if "/" in path for name in names]
    assert ("include/sync/plan/decide.py", "_deleted") in pairs
    assert [(path, name) for path, name in pairs if name not in defined(PROJECT / path)] == []


def test_the_files_of_an_entity_are_in_the_package_of_their_column() -> None:
    table = rows("entity")
    assert len(table) == 6
    for _, *cells in table:
        for folder, cell in zip((*FOLDERS, "include/expectations"), cells, strict=True):
            names = re.findall(r"`([^`]+)`", cell)
            assert names
            assert [name for name in names if not (PROJECT / folder / name).exists()] == [], folder


def test_a_file_that_is_named_without_its_package_is_there_once_or_in_a_table_of_packages() -> None:
    words = re.sub(r"^\| entity \|.*\n(?:\|.*\n)+", "", text(PAGE), flags=re.MULTILINE)
    bare = re.findall(r"`([a-z_]+\.(?:py|sql))`", words)
    assert [name for name in bare if len(list((PROJECT / "include").rglob(name))) != 1] == []


def test_an_answer_is_in_at_most_two_files_and_names_the_place() -> None:
    answers = {question: places(answer) for question, answer in rows("question")}
    assert set(LOOK_UPS) <= set(answers)
    assert {question: found for question, found in answers.items() if len({path for path, _ in found}) > 2} == {}
    for question in LOOK_UPS:
        assert all(names for _, names in answers[question]), question
