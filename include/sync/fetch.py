"""What QuickBooks has now, read for both directions in one place, as far as its answers can be believed.

Towards the LMS, what change capture has just read is not asked for again (captured.py). Towards QuickBooks it always
is: what is about to be written goes by it.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol, TypeVar

import psycopg

from include.model.staged import Fetched, StagedRecord
from include.qbo.client import QboClient
from include.qbo.faults import Fault, is_missing
from include.sync.captured import just_captured

Json = dict[str, Any]


class Versioned(Protocol):
    """A parsed QuickBooks record."""

    @property
    def qbo_id(self) -> str:
        """Its id."""

    @property
    def sync_token(self) -> str:
        """Its version."""


Q = TypeVar("Q", bound=Versioned)


def fetch_current(
    connection: psycopg.Connection,
    client: QboClient,
    resource: str,
    parse: Callable[[Json], Q],
    records: Sequence[StagedRecord[Any, Any, Q, Any]],
    *,
    also: str = "",
    lines_lost: Callable[[Q], bool] = lambda found: False,
) -> None:
    """Fill `qbo` of the records with what QuickBooks has of them. `also`: a further condition of the query.

    Queries have been seen to show an older version than we know (trap 8), no lines (trap 50), or not to show a record
    that is there. What follows from that cannot be undone, so each such record is read by itself before it counts,
    unless change data capture has said itself that it was deleted. One that QuickBooks refuses to show is neither
    there nor deleted: `refused`.
    """
    by_id = {record.qbo_id: record for record in records if record.qbo_id}
    towards_lms = [qbo_id for qbo_id, record in by_id.items() if record.direction == "qbo_to_lms"]
    just_seen = _just_seen(connection, client.realm_id, resource, parse, towards_lms, lines_lost)
    for qbo_id, seen in just_seen.items():
        by_id.pop(qbo_id).qbo = Fetched(record=seen, captured=True)
    found = {one.qbo_id: one for one in map(parse, client.find(resource, "Id", sorted(by_id), also=also))}
    captured = _captured_versions(connection, client.realm_id, resource, list(by_id))
    for qbo_id, record in sorted(by_id.items()):
        one = found.get(qbo_id)
        if one is None:
            # Linked or seen alive, and not seen deleted.
            doubtful = captured.get(qbo_id, "" if record.link else None) is not None
            record.qbo = _read_alone(client, resource, parse, qbo_id) if doubtful else Fetched()
        elif int(one.sync_token) < _known_version(record, captured.get(qbo_id)) or lines_lost(one):
            record.qbo = _read_alone(client, resource, parse, qbo_id)
        else:
            record.qbo = Fetched(record=one)


def find_current(
    connection: psycopg.Connection,
    client: QboClient,
    resource: str,
    parse: Callable[[Json], Q],
    ids: Collection[str],
    *,
    ask: Collection[str],
) -> dict[str, Q]:
    """Those of the records that QuickBooks has, by id. `ask`: those of them for which what change capture has just
    read is not enough."""
    just_seen = _just_seen(connection, client.realm_id, resource, parse, set(ids).difference(ask))
    asked = client.find(resource, "Id", sorted(set(ids) - just_seen.keys()))
    there = {qbo_id: one for qbo_id, one in just_seen.items() if one is not None}
    return there | {one.qbo_id: one for one in map(parse, asked)}


def _just_seen(
    connection: psycopg.Connection,
    realm_id: str,
    resource: str,
    parse: Callable[[Json], Q],
    ids: Collection[str],
    lines_lost: Callable[[Q], bool] = lambda found: False,
) -> dict[str, Q | None]:
    """What change capture has just read and may be believed, by id; None: deleted."""
    captured = just_captured(connection, realm_id, resource, ids)
    parsed = {qbo_id: parse(one.body) if one.body is not None else None for qbo_id, one in captured.items()}
    return {qbo_id: one for qbo_id, one in parsed.items() if one is None or not lines_lost(one)}


def _known_version(record: StagedRecord[Any, Any, Any, Any], captured: str | None) -> int:
    linked = record.link.sync_token if record.link else None
    return max(int(linked or 0), int(captured or 0))


def _read_alone(client: QboClient, resource: str, parse: Callable[[Json], Q], qbo_id: str) -> Fetched[Q]:
    answer = client.read_alone(resource, qbo_id)
    if not isinstance(answer, Fault):
        return Fetched(record=parse(answer))
    return Fetched() if is_missing(answer) else Fetched(refused=answer.as_detail())


def _captured_versions(
    connection: psycopg.Connection, realm_id: str, resource: str, ids: Sequence[str]
) -> dict[str, str | None]:
    """The versions that change capture has seen; None: deleted."""
    rows = connection.execute(
        "select qbo_id, sync_token from qbo_sync.qbo_seen where realm_id = %s and resource = %s and qbo_id = any(%s)",
        [realm_id, resource, list(ids)],
    )
    return dict(rows.fetchall())
