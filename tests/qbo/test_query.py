"""Whatever a name, a number or an id holds: in a query it is a value, never syntax."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import example, given, settings
from hypothesis import strategies as st

from include.qbo.query import chunks, quoted, quoted_instant, where_in
from include.sandbox.query_language import Value, parse

#: The characters that could end a literal are rare in any text: here they are half of it.
TEXT = st.text(st.one_of(st.sampled_from("'\\\" ,()%;\n\0"), st.characters(exclude_categories=["Cs"])), max_size=40)


def literals(statement: str) -> list[str]:
    """The quoted texts of a statement, read letter by letter."""
    found: list[str] = []
    inside = escaped = False
    for letter in statement:
        if not inside:
            inside = letter == "'"
            if inside:
                found.append("")
        elif escaped:
            found[-1] += letter
            escaped = False
        elif letter == "\\":
            escaped = True
        elif letter == "'":
            inside = False
        else:
            found[-1] += letter
    assert not inside, "a literal that does not end"
    return found


@given(st.lists(TEXT, min_size=1, max_size=5), st.booleans())
@example(["x' OR Id > '0", "\\", "\\'", "'"], True)
@settings(max_examples=300, deadline=None)
def test_values_come_back_as_they_were_and_nothing_else_does(values: list[str], also: bool) -> None:
    statement = where_in("Customer", "DisplayName", values, also="Active IN (true, false)" if also else "")
    assert literals(statement) == values
    select = parse(statement)
    names, *others = select.conditions
    assert (select.entity, names.prop, names.op) == ("Customer", "DisplayName", "IN")
    assert names.values == tuple(Value(value, True) for value in values)
    assert [one.prop for one in others] == ["Active"] * also
    assert (select.order, select.limit) == ([("Id", False)], 1000)


@given(
    st.datetimes(
        datetime(1900, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
        datetime(2100, 1, 1),  # noqa: DTZ001
        timezones=st.builds(lambda minutes: timezone(timedelta(minutes=minutes)), st.integers(-840, 840)),
    )
)
@settings(max_examples=50, deadline=None)
def test_a_moment_is_one_literal_in_utc(moment: datetime) -> None:
    [written] = literals(quoted_instant(moment))
    assert datetime.fromisoformat(written) == moment.astimezone(UTC).replace(microsecond=0)
    assert written.endswith("+00:00")


@given(st.lists(TEXT, max_size=20), st.integers(1, 7))
@settings(max_examples=100, deadline=None)
def test_chunks_hold_each_value_once(values: list[str], size: int) -> None:
    parts = list(chunks(values, size))
    assert sorted(value for part in parts for value in part) == sorted(set(values))
    assert all(1 <= len(part) <= size for part in parts)


def test_the_escape_is_quickbooks() -> None:
    """Fact 4: `'` and `\\` are escaped by a backslash."""
    assert quoted("O'Neil \\ Sons") == "'O\\'Neil \\\\ Sons'"
