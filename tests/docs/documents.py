"""Reading the project's documents and modules."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
DOCS = PROJECT / "docs"
DOCUMENTS = [
    *sorted(PROJECT.glob("*.md")),
    *sorted(DOCS.rglob("*.md")),
    *sorted((PROJECT / "include").rglob("*.md")),
]


@cache
def text(name: str) -> str:
    """A document, by its path from the project's root."""
    return (PROJECT / name).read_text()


def section(document: str, title: str) -> str:
    """A document's text under a heading, up to the next of its level."""
    match = re.search(rf"^## {title}.*?\n(.*?)(?=^## |\Z)", text(document), re.DOTALL | re.MULTILINE)
    assert match, f"{document} has no section {title}"
    return match[1]


def first_cells(words: str, head: str) -> list[str]:
    """What is in backticks in the first column of the table whose first heading is `head`."""
    table = re.search(rf"^\| {head} \|.*\n\|[ |-]+\|\n((?:\|.*\n)+)", words, re.MULTILINE)
    assert table, f"no table {head}"
    return [name for row in table[1].splitlines() for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


def marked(document: str, name: str) -> str:
    """What is between the marks `<!-- name: begin -->` and `<!-- name: end -->`: a generated part."""
    match = re.search(rf"<!-- {name}: begin -->\n(.*?)<!-- {name}: end -->", text(document), re.DOTALL)
    assert match, f"{document} has no part {name}"
    return match[1]


def anchors(document: Path) -> set[str]:
    """Where links into a document may lead: its headings as GitHub names them, and its explicit anchors."""
    words = document.read_text()
    headings = re.findall(r"^#+ (.+)$", words, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings} | set(
        re.findall(r'<a id="([^"]+)"></a>', words)
    )


@cache
def parsed(path: Path) -> ast.Module:
    """A module, parsed once."""
    return ast.parse(path.read_text())


def trees(*packages: str) -> Iterator[tuple[Path, ast.Module]]:
    """The project's modules in these packages, parsed."""
    for package in packages:
        for path in sorted((PROJECT / package).rglob("*.py")):
            yield path, parsed(path)


def columns_of(table: str) -> set[str]:
    """The columns with which a table of qbo_sync is created."""
    found = [
        match[1]
        for path in sorted((PROJECT / "include" / "migrations" / "sql").rglob("*.sql"))
        if (match := re.search(rf"create table qbo_sync\.{table} \((.*?)\n\);", path.read_text(), re.DOTALL))
    ]
    assert len(found) == 1, f"{table} is created {len(found)} times"
    return set(re.findall(r"^    ([a-z_]+) +[a-z]", found[0], re.MULTILINE)) - {"primary", "unique", "check"}
