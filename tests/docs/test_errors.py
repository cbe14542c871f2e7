"""Every error code has an entry, every message an example, and every column of the error table is explained."""

import ast
import inspect
import re
from types import ModuleType

import pytest

from include.model.problem import Problem
from include.qbo.faults import Fault
from include.sync import error_catalogue
from include.sync import fault_words as words
from include.sync.plan import problems
from include.sync.plan.error_codes import ENTRIES, anchor
from tests.docs.documents import DOCS, anchors, columns_of, first_cells, marked, parsed, section, trees

PAGE = "docs/errors.md"


def codes_in_plain_sight() -> set[str]:
    """The codes of the problems that are made with a code in plain sight, and of conflicts."""
    found = set()
    for _, tree in trees("include"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and re.fullmatch(r"conflict(_[a-z]+)+", str(node.value)):
                found.add(str(node.value))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem":
                found |= {
                    str(keyword.value.value)
                    for keyword in node.keywords
                    if keyword.arg == "code" and isinstance(keyword.value, ast.Constant)
                }
    return found


def fault_codes() -> set[str]:
    """The codes that QuickBooks' faults become, those with words of their own and one of every other kind."""
    faults = [Fault(status=400, code=code, message="m", detail="d") for code in (*words.WORDS, "610", "2500")]
    faults.append(Fault(status=400, code="2500", message="m", detail="something made inactive"))
    return {words.explain(fault, "Invoice 1").code for fault in faults}


def test_the_page_is_the_code_s() -> None:
    assert marked(PAGE, "errors") == error_catalogue.as_markdown()


def test_every_error_code_is_explained_and_no_other() -> None:
    produced = codes_in_plain_sight() | fault_codes()
    assert len(produced) > 25
    assert produced <= set(ENTRIES)
    # Codes of QuickBooks that get their words elsewhere or nowhere are there as examples.
    rest = set(ENTRIES) - produced
    assert {code for code in rest if not code.startswith(("qbo_", "http_"))} == set()


def test_a_fault_without_words_of_its_own_has_the_code_that_the_page_says() -> None:
    assert words.explain(Fault(status=400, code="9999", message="m", detail="d"), "Invoice 1").code == "qbo_9999"
    assert words.explain(Fault(status=413, code="", message="m", detail="d"), "Invoice 1").code == "http_413"
    assert (anchor("qbo_9999"), anchor("http_413")) == ("qbo_other", "http_other")


def test_each_entry_says_who_acts_what_to_do_and_what_happens_then() -> None:
    pieces = re.split(r"^### `([^`]+)`$", marked(PAGE, "errors"), flags=re.MULTILINE)
    entries = dict(zip(pieces[1::2], pieces[2::2], strict=True))
    assert set(entries) == set(ENTRIES)
    for code, entry in entries.items():
        means, *parts = re.split(r"^- \*\*(.+?)\*\*: ", entry.split("What it says")[0], flags=re.MULTILINE)
        assert means.strip(), code
        assert parts[0::2] == ["Who acts", "What to do", "What happens then"], code
        assert all(part.strip() for part in parts[1::2]), code


def test_an_error_can_link_to_its_entry() -> None:
    assert {anchor(code) for code in ENTRIES} <= anchors(DOCS / "errors.md")


# ------------------------------------------------------------------ the messages


def makers(module: ModuleType) -> set[str]:
    """A module's public functions that make a problem."""
    functions = inspect.getmembers(module, inspect.isfunction)
    return {
        name
        for name, function in functions
        if function.__annotations__.get("return") is Problem
        and function.__module__ == module.__name__
        and not name.startswith("_")
    }


def test_every_message_has_an_example() -> None:
    tree = parsed(DOCS.parent / "include" / "sync" / "error_catalogue.py")
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    called = {function.attr for function in calls if isinstance(function, ast.Attribute)}
    # These two put together what the others say, from what they ask QuickBooks.
    assert makers(problems) | makers(words) - {"explain_payment", "explain_application"} <= called
    assert {anchor(problem.code) for problem in error_catalogue.examples()} == {anchor(code) for code in ENTRIES}


def expectation_rules() -> set[str]:
    """The names of all expectations, as their modules spell them."""
    return {
        str(value.value)
        for _, tree in trees("include/expectations")
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "rule" and isinstance(value, ast.Constant)
    }


def test_every_expectation_has_an_example() -> None:
    shown = {problem.detail["rule"] for problem in error_catalogue.examples() if problem.code == "validation_failed"}
    assert len(expectation_rules()) > 10
    assert expectation_rules() == shown


@pytest.mark.parametrize(
    "phrase",
    [
        r"\bover \$",
        "takes ",
        "by itself",
        "any more",
        "close this",
        "then retry",
        "does not fit",
        "None",
        r"[{}]",
        "  ",
    ],
)
def test_no_message_has_words_that_a_bookkeeper_stumbles_over(phrase: str) -> None:
    said = [f"{problem.message} {problem.resolution}" for problem in error_catalogue.examples()]
    assert [one for one in said if re.search(phrase, one)] == []


def test_messages_and_advice_are_whole_sentences() -> None:
    for problem in error_catalogue.examples():
        for sentence in (problem.message, problem.resolution):
            assert re.fullmatch(r"[A-Z].*\.", sentence), sentence


def test_every_column_of_the_error_table_is_explained() -> None:
    assert columns_of("sync_error") - {"id"} == set(first_cells(section(PAGE, "The table"), "column"))
