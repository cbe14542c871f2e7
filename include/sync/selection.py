"""Which records are compared again although nothing says that they changed: a backfill or a resync (decision 0022).

Selecting marks them, nothing else: what is written then follows from what both sides say, as always.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg

from include.model.record import Direction, RecordKey
from include.sync import marks

#: The queries that select them; their parameters: `parameters`.
SELECTED: Mapping[Direction, bytes] = {
    "lms_to_qbo": Path(__file__).with_name("selected_of_lms.sql").read_bytes(),
    "qbo_to_lms": Path(__file__).with_name("selected_of_qbo.sql").read_bytes(),
}


class BadSelection(Exception):
    """What was asked for cannot be: the words name the parameter."""


class UnknownRecords(BadSelection):
    """Single records that are asked for and are not there: what they are `called`, and their names."""

    def __init__(self, words: str, called: str, names: Sequence[str]) -> None:
        """The words are those of BadSelection."""
        super().__init__(words)
        self.called, self.names = called, tuple(names)


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """What to compare again; a record has to meet all that is given. Nothing given: everything of the DAG."""

    billing_lab_id: int | None = None
    #: Days of transactions, both inclusive.
    from_date: date | None = None
    to_date: date | None = None
    #: Single records, by any of their names.
    document_numbers: tuple[str, ...] = ()
    lms_ids: tuple[str, ...] = ()
    qbo_ids: tuple[str, ...] = ()

    @property
    def names(self) -> Mapping[str, tuple[str, ...]]:
        """The single records by the parameter that names them."""
        return {"document_numbers": self.document_numbers, "lms_ids": self.lms_ids, "qbo_ids": self.qbo_ids}

    @property
    def is_named(self) -> bool:
        """Whether single records are asked for."""
        return any(self.names.values())


EVERYTHING = Selection()


def selection_of(parameters: Mapping[str, Any]) -> Selection:
    """From the parameters of a DAG run: `resync`, and what it selects. Days are YYYY-MM-DD; empty is not given.

    Raises BadSelection.
    """
    lab = parameters.get("billing_lab_id")
    selection = Selection(
        billing_lab_id=int(lab) if lab else None,
        from_date=_day("from_date", parameters.get("from_date")),
        to_date=_day("to_date", parameters.get("to_date")),
        document_numbers=_texts(parameters.get("document_numbers")),
        lms_ids=_texts(parameters.get("lms_ids")),
        qbo_ids=_texts(parameters.get("qbo_ids")),
    )
    if selection.from_date and selection.to_date and selection.to_date < selection.from_date:
        raise BadSelection(
            f"to_date: {selection.to_date} is before from_date, {selection.from_date}. Swap the two dates."
        )
    unused = [name for name in (*_DATES, *selection.names) if getattr(selection, name)]
    if unused and not parameters["resync"]:
        raise BadSelection(f"{unused[0]}: it selects what is compared again. Turn on “Compare again” (resync) too.")
    return selection


_DATES = ("from_date", "to_date")


def _day(parameter: str, value: str | None) -> date | None:
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        raise BadSelection(f"{parameter}: “{value}” is not a date. Enter it as YYYY-MM-DD.") from None


def _texts(values: Iterable[Any] | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for value in values or () if (text := str(value).strip())))


def require_sound(connection: psycopg.Connection, realm_id: str | None, selection: Selection) -> None:
    """Raises BadSelection for a lab that is not connected (to the company asked for), and for QuickBooks ids that could
    be those of several companies."""
    labs = connection.execute(
        "select n.billing_lab_id, l.name, n.realm_id from qbo_sync.connection n"
        "  join lms.billing_lab l on l.id = n.billing_lab_id order by n.billing_lab_id"
    ).fetchall()
    here = [(lab, name) for lab, name, realm in labs if realm_id in (None, realm)]
    if selection.billing_lab_id is not None and selection.billing_lab_id not in [lab for lab, _ in here]:
        known = ", ".join(f"{lab} ({name})" for lab, name in here) or "none"
        where = f" to the company {realm_id}" if realm_id else ""
        raise BadSelection(
            f"billing_lab_id: no billing lab with the ID {selection.billing_lab_id} is connected{where}."
            f" Connected: {known}."
        )
    if (
        selection.qbo_ids
        and selection.billing_lab_id is None
        and realm_id is None
        and len({one[2] for one in labs}) > 1
    ):
        raise BadSelection(
            "qbo_ids: each QuickBooks company counts its own IDs. Choose the company (realm_id) or the lab"
            " (billing_lab_id) too."
        )


def count(
    connection: psycopg.Connection,
    direction: Direction,
    entities: Sequence[str],
    realm_id: str | None,
    selection: Selection,
) -> int:
    """How many records would be compared. Raises BadSelection for a record that is not there."""
    require_known(connection, direction, entities, realm_id, selection)
    found = connection.execute(
        b"select count(*) from (" + SELECTED[direction] + b") s", parameters(entities, realm_id, selection)
    ).fetchone()
    return int(found[0]) if found else 0


def mark(
    connection: psycopg.Connection,
    direction: Direction,
    entities: Sequence[str],
    realm_id: str | None,
    selection: Selection = EVERYTHING,
) -> None:
    """Mark what is selected, in the caller's transaction. Raises BadSelection for a record that is not there.

    What is left alone (table left_alone) stays so, unless it is asked for by name.
    """
    marks.lock_alone(connection)
    values = {**parameters(entities, realm_id, selection), "direction": direction}
    if selection.is_named:
        require_known(connection, direction, entities, realm_id, selection)
        ours, theirs = (b"s.record_id", b"s.qbo_id") if direction == "lms_to_qbo" else (b"s.lms_id", b"s.record_id")
        connection.execute(
            b"select qbo_sync.sync_again(a.realm_id, a.entity, a.lms_id, a.qbo_id)"
            b"  from (" + SELECTED[direction] + b") s"
            b"  join qbo_sync.left_alone a on a.realm_id = s.realm_id and a.entity = s.entity"
            b"   and (a.lms_id::text = " + ours + b" or a.qbo_id = " + theirs + b")",
            values,
        )
    connection.execute(
        b"select qbo_sync.mark(s.realm_id, %(direction)s, s.entity, s.record_id, s.lab) from ("
        + SELECTED[direction]
        + b") s",
        values,
    )


def parameters(entities: Sequence[str], realm_id: str | None, selection: Selection) -> dict[str, Any]:
    """The parameters of SELECTED."""
    return {
        "entities": list(entities),
        "realm": realm_id,
        "lab": selection.billing_lab_id,
        "from_date": selection.from_date,
        "to_date": selection.to_date,
        "named": selection.is_named,
        "numbers": list(selection.document_numbers),
        "lms_ids": list(selection.lms_ids),
        "qbo_ids": list(selection.qbo_ids),
    }


def named(
    connection: psycopg.Connection,
    direction: Direction,
    entities: Sequence[str],
    realm_id: str,
    selection: Selection,
) -> set[RecordKey]:
    """The selected records of one company, if single ones are asked for: what is left alone of them is so no longer."""
    if not selection.is_named:
        return set()
    rows = connection.execute(
        b"select entity, record_id from (" + SELECTED[direction] + b") s", parameters(entities, realm_id, selection)
    )
    return {RecordKey(entity, record_id) for entity, record_id in rows}


_FOUND_AS: Mapping[Direction, Mapping[str, bytes]] = {
    "lms_to_qbo": {"document_numbers": b"number", "lms_ids": b"record_id", "qbo_ids": b"qbo_id"},
    "qbo_to_lms": {"document_numbers": b"number", "lms_ids": b"lms_id", "qbo_ids": b"record_id"},
}
_CALLED = {"document_numbers": "number", "lms_ids": "Pilot ID", "qbo_ids": "QuickBooks ID"}


def require_known(
    connection: psycopg.Connection,
    direction: Direction,
    entities: Sequence[str],
    realm_id: str | None,
    selection: Selection,
) -> None:
    """Raises UnknownRecords for single records that are asked for and are not there."""
    values = parameters(entities, realm_id, selection)
    for parameter, wanted in selection.names.items():
        if not wanted:
            continue
        column = _FOUND_AS[direction][parameter]
        rows = connection.execute(b"select distinct " + column + b" from (" + SELECTED[direction] + b") s", values)
        found = {value for (value,) in rows}
        unknown = [value for value in wanted if value not in found]
        if unknown:
            raise UnknownRecords(
                f"{parameter}: no record with the {_CALLED[parameter]} {', '.join(unknown)} was found"
                f"{_within(selection)}. Check it, or leave it out; nothing was marked.",
                _CALLED[parameter],
                unknown,
            )


def _within(selection: Selection) -> str:
    narrowed = [
        words
        for words, value in (
            (f"of the lab {selection.billing_lab_id}", selection.billing_lab_id),
            (f"dated {selection.from_date} or later", selection.from_date),
            (f"dated {selection.to_date} or earlier", selection.to_date),
        )
        if value
    ]
    return f" {', '.join(narrowed)}" if narrowed else ""
