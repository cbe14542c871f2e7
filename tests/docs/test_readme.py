"""The README says what is there: error codes, settings, commands, DAGs, and the tests that prove its promises."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from include.qbo.faults import Fault
from include.sync import words
from include.sync.plan.two_way import Decision

PROJECT = Path(__file__).resolve().parents[2]
README = (PROJECT / "README.md").read_text()

#: Set for others (Airflow, Python, proxies) and documented by them; a file's name.
FOREIGN = re.compile(r"AIRFLOW__|AIRFLOW_$|AIRFLOW_HOME$|PYTHON|NO_PROXY$|PG_VERSION$")
SETTING = re.compile(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+|BILLING_LAB|REALM")


def trees(*rooms: str) -> Iterator[tuple[Path, ast.Module]]:
    """The project's modules in these rooms, parsed."""
    for room in rooms:
        for path in sorted((PROJECT / room).rglob("*.py")):
            yield path, parsed(path)


@cache
def parsed(path: Path) -> ast.Module:
    """A module, parsed once."""
    return ast.parse(path.read_text())


def section(title: str) -> str:
    """The README's text under a heading, up to the next of its level."""
    match = re.search(rf"^## {title}.*?\n(.*?)(?=^## |\Z)", README, re.DOTALL | re.MULTILINE)
    assert match, f"the README has no section {title}"
    return match[1]


def first_cells(text: str, head: str) -> list[str]:
    """What stands in backticks in the first column of the table whose first heading is `head`."""
    table = re.search(rf"^\| {head} \|.*\n\|[ |-]+\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert table, f"no table {head}"
    return [name for row in table[1].splitlines() for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


def fixed_codes() -> set[str]:
    """The codes of the problems that are made with a code in plain sight."""
    found = set()
    for path, tree in trees("include"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem":
                for keyword in node.keywords:
                    if keyword.arg != "code":
                        continue
                    if isinstance(keyword.value, ast.Constant):
                        found.add(str(keyword.value.value))
                    else:
                        # A code that is computed: fault_codes() or conflict_codes() must know how.
                        assert path.name in ("words.py", "inbound.py"), f"{path}: which codes are these?"
    return found


def conflict_codes() -> set[str]:
    """The codes that a two-way decision may give."""
    literal, _ = get_args(get_type_hints(Decision)["conflict"])
    return set(get_args(literal))


def fault_codes() -> set[str]:
    """The codes that QuickBooks' faults become, those with words of their own and one of every other kind."""
    faults = [Fault(status=400, code=code, message="m", detail="d") for code in (*words._WORDS, "610", "2500")]
    faults.append(Fault(status=400, code="2500", message="m", detail="something made inactive"))
    return {words.explain(fault, "Invoice 1").code for fault in faults}


def test_every_error_code_is_explained_and_no_other() -> None:
    documented = set(first_cells(section("Fix"), "code"))
    produced = fixed_codes() | fault_codes() | conflict_codes()
    assert produced <= documented
    # Codes of QuickBooks that get their words elsewhere or nowhere stand there as examples.
    assert {code for code in documented - produced if not code.startswith(("qbo_", "http_"))} == set()


def test_a_fault_without_words_of_its_own_has_the_code_that_the_readme_says() -> None:
    assert words.explain(Fault(status=400, code="9999", message="m", detail="d"), "Invoice 1").code == "qbo_9999"
    assert words.explain(Fault(status=413, code="", message="m", detail="d"), "Invoice 1").code == "http_413"
    assert {"qbo_…", "http_…"} <= set(first_cells(section("Fix"), "code"))


def test_every_column_of_the_error_table_is_explained() -> None:
    statement = (PROJECT / "include/migrations/sql/0002_qbo_sync.sql").read_text()
    table = re.search(r"create table qbo_sync\.sync_error \((.*?)\n\);", statement, re.DOTALL)
    assert table
    columns = set(re.findall(r"^    ([a-z_]+) +[a-z]", table[1], re.MULTILINE)) - {"id"}
    assert columns == set(first_cells(section("Fix"), "column"))


def settings_of_the_code() -> set[str]:
    """Every name that a module which looks into the environment could look for, and Airflow's connections."""
    found = set()
    for _, tree in trees("include", "dags", "plugins", "config"):
        names = {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        looked_at = {getattr(node, "attr", getattr(node, "id", "")) for node in ast.walk(tree)}
        if looked_at & {"environ", "getenv"}:
            found |= {name for name in names if SETTING.fullmatch(name) and not FOREIGN.match(name)}
    return found


def test_every_setting_is_documented() -> None:
    settings = settings_of_the_code()
    assert {"PILOT_TOKEN_KEY", "PILOT_POSTGRES_PORT", "REFRESH_TOKEN", "LMS_DATABASE_URL"} <= settings
    documented = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", section("Configuration")))
    assert settings <= documented


def test_no_setting_is_documented_that_nothing_reads() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    documented = set(first_cells(section("Configuration"), "variable")) - {"make PYTHON=…"}
    assert {name for name in documented - settings_of_the_code() if f"$({name})" not in makefile} == set()


def test_commands_and_readme_agree() -> None:
    targets = set(re.findall(r"^([a-z]+):.*## ", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^ {4}|  )make ([a-z]+)", README, re.MULTILINE))
    assert named <= targets
    assert targets - {"help"} <= named


def dag_ids() -> set[str]:
    """The DAG ids in the DAG files."""
    return {
        str(keyword.value.value)
        for _, tree in trees("dags")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "dag_id" and isinstance(keyword.value, ast.Constant)
    }


def test_the_dag_table_has_the_dags() -> None:
    assert sorted(first_cells(section("Operate"), "DAG")) == sorted(dag_ids())


def test_the_proofs_are_there() -> None:
    tests = {node.name for _, tree in trees("tests") for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    proofs = set(re.findall(r"`(test_[a-z0-9_]+)`", README))
    assert len(proofs) > 10
    assert proofs <= tests


@pytest.mark.parametrize("room", ["dags", "include", "plugins"])
def test_the_rooms_are_named(room: str) -> None:
    for path in (PROJECT / room).iterdir():
        if room == "include" and path.is_dir() and not path.name.startswith("_"):
            assert f"`include/{path.name}/`" in section("Develop")
    assert f"`{room}/" in section("Develop")
