"""What code and documents cite is there: `rule 8.4`, `fact 9.4`, `trap 19`, `contract 2`.

Several at once are written `facts 9.4, 9.7`, `rules 6 to 8`, `traps 21 and 22`.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.docs.documents import DOCS, DOCUMENTS, PROJECT, anchors

PAGES = {
    "rule": DOCS / "reference" / "sync-rules.md",
    "fact": DOCS / "reference" / "quickbooks.md",
    "trap": DOCS / "reference" / "quickbooks.md",
    "contract": DOCS / "reference" / "contract.md",
}
#: Not a fault code such as 6540.
NUMBER = r"\d{1,2}(?:\.\d{1,2})?(?!\d)"
CITATION = re.compile(rf"\b(rule|fact|trap|contract)s? ({NUMBER}(?:(?:,|,? and|,? or| to) {NUMBER})*)", re.IGNORECASE)
DECISION = re.compile(r"\bdecisions?[ /](\d{4})\b", re.IGNORECASE)

#: How the pages were cited before they were part of the project.
OLD_FORM = re.compile(r"dossier|qbo-api-facts|sync[- ]rules?,? sections?|(?<!RFC 6749, )\bsections? \d", re.IGNORECASE)

#: Line breaks in the middle of a citation, with what a comment begins its lines with.
BREAK = re.compile(r"\s*\n\s*(?:#:?|--|\*)?\s*")


def code() -> Iterator[Path]:
    """Modules, SQL and templates; this module shows the old forms."""
    for package in ("include", "dags", "plugins", "config", "tests"):
        for path in sorted((PROJECT / package).rglob("*")):
            if path.suffix in (".py", ".sql", ".html", ".css", ".js") and path != Path(__file__):
                yield path


def cited(words: str) -> Iterator[tuple[str, str]]:
    """The kind and number of each citation."""
    for match in CITATION.finditer(BREAK.sub(" ", words)):
        for number in re.findall(NUMBER, match[2]):
            yield match[1].lower(), number


def test_a_citation_is_recognized_in_every_form() -> None:
    words = "(facts 9.4, 9.7; rules 6 to 8), traps 21\n    # and 22; Trap 6, the other; contract 2"
    assert list(cited(words)) == [
        ("fact", "9.4"), ("fact", "9.7"), ("rule", "6"), ("rule", "8"), ("trap", "21"), ("trap", "22"), ("trap", "6"),
        ("contract", "2"),
    ]  # fmt: skip


def test_every_citation_leads_to_an_anchor() -> None:
    known = {kind: anchors(page) for kind, page in PAGES.items()}
    missing = [
        f"{path.relative_to(PROJECT)}: {kind} {number}"
        for path in [*code(), *DOCUMENTS]
        for kind, number in cited(path.read_text())
        if f"{kind}-{number}" not in known[kind]
    ]
    assert missing == []


def test_every_decision_that_is_named_is_there() -> None:
    known = {path.name[:4] for path in (DOCS / "decisions").glob("[0-9]*.md")}
    missing = [
        f"{path.relative_to(PROJECT)}: {number}"
        for path in [*code(), *DOCUMENTS]
        for number in DECISION.findall(path.read_text())
        if number not in known
    ]
    assert missing == []


def test_no_old_form_is_left() -> None:
    old = [
        f"{path.relative_to(PROJECT)}: {match[0]}"
        for path in [*code(), PROJECT / "include" / "sandbox" / "README.md"]
        for match in OLD_FORM.finditer(BREAK.sub(" ", path.read_text()))
    ]
    assert old == []
