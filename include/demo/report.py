"""Says what the demo does and what came of it, on standard output."""

import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg

from include.demo.checks import OpenError
from include.demo.matrix import Cell
from include.demo.proof import LabLedger
from include.demo.records import Planted

OUTCOMES = ("created", "updated", "deleted", "adopted", "unchanged", "waiting", "failed")
WIDTH = 110


def say(text: str = "") -> None:
    """One line, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@contextmanager
def step(text: str) -> Iterator[None]:
    """Says what has been done, and how many seconds it took."""
    begun = time.monotonic()
    yield
    say(f"  {time.monotonic() - begun:6.1f} s  {text}")


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[object]], words: int) -> None:
    """A table; its first columns hold words, the others numbers."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    say()
    say(title)
    for number, row in enumerate(cells):
        aligned = [
            cell.ljust(width) if column < words else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        say("  " + "  ".join(aligned).rstrip())
        if number == 0:
            say("  " + "  ".join("-" * width for width in widths))


def outcomes(connection: psycopg.Connection, realms: Sequence[str]) -> None:
    """Where each record stands, per entity and direction."""
    counted: dict[tuple[str, str], dict[str, int]] = {}
    for entity, direction, outcome, count in connection.execute(
        """select entity, direction, outcome, count(*) from qbo_sync.record_outcome
            where realm_id = any(%s) group by 1, 2, 3 order by 1, 2""",
        [list(realms)],
    ):
        counted.setdefault((entity, direction), {})[outcome] = count
    rows = [
        [entity, direction, *(found.get(outcome, 0) for outcome in OUTCOMES), sum(found.values())]
        for (entity, direction), found in counted.items()
    ]
    title = "Records by their last outcome (a record of two companies counts twice)"
    table(title, ["entity", "direction", *OUTCOMES, "records"], rows, words=2)


def matrix(cells: Sequence[Cell]) -> None:
    """Each cell of the sync rules' matrix with its count."""
    rows = [[cell.row, cell.way, cell.what, cell.times, "" if cell.times else "<- never happened"] for cell in cells]
    table("The sync matrix, and how often each cell was exercised", ["", "way", "what", "times", ""], rows, words=3)


def ledgers(per_lab: Sequence[LabLedger], customers: int) -> None:
    """Both ledgers in sums, as the proof has them."""
    rows = [
        [each.lab, each.what, *(f"{value:,.2f}" for value in (each.lms, each.qbo, each.explained, each.difference))]
        for each in per_lab
    ]
    table(
        "Both ledgers, in dollars", ["billing lab", "", "LMS", "QuickBooks", "explained", "difference"], rows, words=2
    )
    say(f"  Proved for each of {customers} customers and sub-customers, to the cent.")


def problems(planted: Sequence[Planted], errors: Sequence[OpenError]) -> None:
    """Each open error in words, with what was planted."""
    kinds = {each.record: each.kind for each in planted}
    say()
    say(f"Open sync errors: {len(errors)}, of them planted: {len(planted)}")
    for error in errors:
        kind, (_, entity, id_) = kinds.get(error.record, "not planted"), error.record
        place = "" if error.direction == "lms_to_qbo" else "QuickBooks' "
        say(f"  {kind} · {place}{entity} {id_} · {error.error_code}")
        for text in (error.message, error.resolution):
            say(textwrap.fill(text, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6))


def verdict(wrong: Sequence[str]) -> None:
    """Whether everything adds up, or what does not."""
    say()
    if not wrong:
        say(
            "Everything adds up: every cell of the matrix, one outcome per record, both ledgers agree to the cent per "
            "lab and per customer,\nnothing is there twice, and all DAGs once more wrote nothing to either side."
        )
        return
    say(f"{len(wrong)} things do not add up:")
    for each in wrong[:40]:
        say(f"  - {each}")
    if len(wrong) > 40:
        say(f"  … and {len(wrong) - 40} more")
