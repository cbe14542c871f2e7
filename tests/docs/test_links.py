"""Links between the documents lead somewhere, to headings too, and the pictures are small."""

import re
from pathlib import Path

import pytest

from tests.docs.documents import DOCS, DOCUMENTS, anchors


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        there = (document.parent / name).resolve() if name else document
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_an_anchor_is_there_once(document: Path) -> None:
    explicit = re.findall(r'<a id="([^"]+)"></a>', document.read_text())
    assert len(set(explicit)) == len(explicit)


def test_every_document_is_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    waiting = [DOCS.parent / "README.md"]
    while waiting:
        document = waiting.pop()
        if document in reached or document.suffix != ".md":
            continue
        reached.add(document)
        for target in re.findall(r"\]\(([^)#\s]+\.md)[^)]*\)", document.read_text()):
            if "://" not in target:
                waiting.append((document.parent / target).resolve())
    assert set(DOCS.rglob("*.md")) <= reached


def test_pictures_are_small() -> None:
    pictures = sorted((DOCS / "images").iterdir())
    assert pictures
    assert all(picture.stat().st_size < 200_000 for picture in pictures)
