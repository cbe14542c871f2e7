"""The decisions are numbered without a gap, dated, short, and listed."""

import re

from tests.docs.documents import DOCS, text

RECORDS = sorted((DOCS / "decisions").glob("[0-9]*.md"))
ROW = re.compile(r"\| (\d{4}) \| (\d{4}-\d{2}-\d{2}) \| (accepted|rejected|replaced by \d{4}|accepted; .+) \|")


def test_the_numbers_have_no_gap() -> None:
    assert [path.name[:4] for path in RECORDS] == [f"{number:04}" for number in range(1, len(RECORDS) + 1)]


def test_each_has_number_date_and_status_in_one_row_at_the_top() -> None:
    for path in RECORDS:
        lines = path.read_text().splitlines()
        assert lines[0].startswith("# "), path.name
        row = ROW.fullmatch(lines[4])
        assert row, f"{path.name}: {lines[4]}"
        assert row[1] == path.name[:4]


def test_each_is_one_page() -> None:
    for path in RECORDS:
        assert len(path.read_text().splitlines()) <= 60, path.name


def test_the_index_has_them_as_they_are() -> None:
    listed = re.findall(
        r"^\| \[(\d{4})\]\((.+?)\) \| (.+?) \| (\S+) \| (.+?) \|$", text("docs/decisions/README.md"), re.MULTILINE
    )
    there = []
    for path in RECORDS:
        lines = path.read_text().splitlines()
        row = ROW.fullmatch(lines[4])
        assert row
        there.append((row[1], path.name, lines[0].removeprefix("# "), row[2], row[3]))
    assert listed == there
