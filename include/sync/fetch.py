"""What QuickBooks has now, read for both directions in one place, as far as its answers can be believed."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import psycopg

from include.model.staged import Fetched, StagedRecord
from include.qbo.client import QboClient
from include.qbo.faults import Fault, is_missing

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
    found = {one.qbo_id: one for one in map(parse, client.find(resource, "Id", sorted(by_id), also=also))}
    captured = _captured_versions(connection, client.realm_id, resource, list(by_id))
    for qbo_id, record in sorted(by_id.items()):
        one = found.get(qbo_id)
        if one is None:
            doubtful = record.link is not None and captured.get(qbo_id, "") is not None
            record.qbo = _read_alone(client, resource, parse, qbo_id) if doubtful else Fetched()
        elif int(one.sync_token) < _known_version(record, captured.get(qbo_id)):
            record.qbo = _read_alone(client, resource, parse, qbo_id)
        elif lines_lost(one):
            again = _read_alone(client, resource, parse, qbo_id)
            record.qbo = Fetched(record=again.record or one)
        else:
            record.qbo = Fetched(record=one)


def _known_version(record: StagedRecord[Any, Any, Any, Any], captured: str | None) -> int:
    linked = record.link.sync_token if record.link else None
    return max(int(linked or 0), int(captured or 0))


def _read_alone(client: QboClient, resource: str, parse: Callable[[Json], Q], qbo_id: str) -> Fetched[Q]:
    answer = client.read(resource, qbo_id)
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
