"""QuickBooks' query language, as far as the sync speaks it (fact 4)."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

#: QuickBooks answers at most this many objects to one query.
PAGE_SIZE = 1000

#: Values in one IN list: short enough for a POST body that the gateway takes without question.
IN_LIST = 200


def quoted(value: str) -> str:
    """A string literal: single quotes, `'` and `\\` escaped by a backslash."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def quoted_instant(moment: datetime) -> str:
    """An aware time as a literal: UTC, to the second."""
    return quoted(moment.astimezone(UTC).isoformat(timespec="seconds"))


def where_in(entity: str, field: str, values: Sequence[str], *, also: str = "") -> str:
    """`SELECT * FROM entity WHERE field IN (…)`, with a further condition; one page."""
    listed = ", ".join(quoted(value) for value in values)
    condition = f" AND {also}" if also else ""
    # Entity and field are our own words, the values are quoted above: nothing of the data is syntax here.
    return f"SELECT * FROM {entity} WHERE {field} IN ({listed}){condition} ORDERBY Id MAXRESULTS {PAGE_SIZE}"  # noqa: S608


def chunks(values: Iterable[str], size: int = IN_LIST) -> Iterator[list[str]]:
    """The distinct values, sorted, in lists of at most `size`."""
    distinct = sorted(set(values))
    for start in range(0, len(distinct), size):
        yield distinct[start : start + size]
