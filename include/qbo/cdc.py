"""What changed in a company, as QuickBooks' change data capture and queries tell it (fact 5).

Times are compared as instants: QuickBooks prints Pacific time, of which an hour comes twice or not at
all when daylight saving changes.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from include.qbo.client import QboClient
from include.qbo.errors import RequestRefused, Unavailable
from include.qbo.faults import Fault, is_missing, parse_fault
from include.qbo.query import PAGE_SIZE, quoted, quoted_instant
from include.qbo.shape import flaw, is_id, is_moment

#: An answer with this many objects may have been cut (fact 5: the cap is shared by all entities of a question).
CAP = 1000

#: Of an answer with more objects only the versions are kept. A poll holds the answers of all companies, and so many
#: changes are worked on for longer than what was read of them stays true.
WITH_BODIES = 200

#: Records that two pages have in common, so that deletions between the two leave no gap: pages are no snapshot
#: (fact 4.3), and Id knows no "greater than".
_PAGES_OVERLAP = 50

#: So many records that a query does not show are read one by one.
_READ_ALONE = 100

#: Where a time comes without an offset.
_PACIFIC = ZoneInfo("America/Los_Angeles")

#: The version of a record that is there and does not say which it is: older than any.
UNREADABLE_VERSION = "-1"

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Sighting:
    """One version of one record, seen in QuickBooks."""

    resource: str
    qbo_id: str
    #: None: deleted.
    sync_token: str | None
    last_updated: datetime
    #: The record as it came; None: deleted, or not kept.
    body: Json | None = None

    @property
    def deleted(self) -> bool:
        """Whether the record is gone."""
        return self.sync_token is None


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """The answer to one question."""

    #: When QuickBooks began to answer, by its own clock.
    time: datetime
    sightings: tuple[Sighting, ...]
    #: Something stood in it of which not even the id can be read.
    unclear: bool = False

    @property
    def perhaps_cut(self) -> bool:
        """Whether there may be more than was answered (trap 24)."""
        return self.unclear or len(self.sightings) >= CAP


def instant(text: str) -> datetime:
    """A timestamp of QuickBooks' as an instant in UTC."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=_PACIFIC)).astimezone(UTC)


def changes(client: QboClient, resources: Sequence[str], since: datetime) -> Changes:
    """What changed in these resources since an instant. Raises RequestRefused, for one if that is too long ago."""
    time, records = changed_records(client, resources, since)
    return _seen(time, records, with_bodies=len(records) <= WITH_BODIES)


def changed_records(
    client: QboClient, resources: Sequence[str], since: datetime
) -> tuple[datetime, list[tuple[str, Any]]]:
    """As `changes`, with the records as they came: when QuickBooks began to answer, and (resource, record). Raises
    Unavailable for an answer that is none."""
    answer = client.cdc(resources, since.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"))
    responses, time = answer.get("CDCResponse"), answer.get("time")
    if not isinstance(responses, list) or not is_moment(time):
        raise Unavailable("QuickBooks does not say what has changed: its answer is malformed")
    found: list[tuple[str, Any]] = []
    for response in responses:
        fault = parse_fault(response, status=400)
        if fault:
            raise RequestRefused(fault)
        blocks = response.get("QueryResponse") if isinstance(response, dict) else None
        for block in blocks if isinstance(blocks, list) else [None]:
            # One member is the list of records; the counts beside it are optional, and wrong in Intuit's own samples.
            members = block.items() if isinstance(block, dict) else [("", [None])]
            for resource, records in members:
                if isinstance(records, list):
                    found += [(resource, record) for record in records]
    return instant(str(time)), found


def changed_since(client: QboClient, resource: str, since: datetime, now: datetime) -> Changes:
    """Every live record of a resource that changed since an instant, however many. `now`: by QuickBooks' clock."""
    return _live(client, resource, f"WHERE MetaData.LastUpdatedTime >= {quoted_instant(since)}", now)


def all_transactions(client: QboClient, resource: str, dated_from: date | None, now: datetime) -> Changes:
    """Every live transaction of a resource, or those dated from a day on. `now`: by QuickBooks' clock."""
    return _live(client, resource, f"WHERE TxnDate >= {quoted(dated_from.isoformat())}" if dated_from else "", now)


def by_id(
    client: QboClient, resource: str, ids: Collection[str], gone: Collection[str], now: datetime
) -> list[Sighting]:
    """These records as QuickBooks has them now; `gone`: those of them that were seen deleted before. `now`: by
    QuickBooks' clock.

    A query may leave out what is there, and the LMS's record would go with it: what is missed is read by itself before
    it counts as deleted. Of very many the first ones: if each of those is deleted, so are the others; else each is
    looked at by whoever syncs it. Raises Unavailable if QuickBooks does not answer at all.
    """
    shown = _seen(now, [(resource, one) for one in client.shown(resource, sorted(ids))]).sightings
    found = [sighting for sighting in shown if sighting.qbo_id in ids]
    missed = set(ids).difference(sighting.qbo_id for sighting in found)
    doubtful = sorted(missed.difference(gone))
    read = {qbo_id: _is_deleted(client, resource, qbo_id) for qbo_id in doubtful[:_READ_ALONE]}
    others = doubtful[_READ_ALONE:] if all(read.values()) else []
    deleted = {*missed.intersection(gone), *others, *(qbo_id for qbo_id, is_deleted in read.items() if is_deleted)}
    # What is there all the same is looked at by itself.
    versions: dict[str, str | None] = {**dict.fromkeys(missed, UNREADABLE_VERSION), **dict.fromkeys(deleted)}
    return found + [
        Sighting(resource=resource, qbo_id=qbo_id, sync_token=token, last_updated=now)
        for qbo_id, token in sorted(versions.items())
    ]


def _is_deleted(client: QboClient, resource: str, qbo_id: str) -> bool:
    found = client.read_alone(resource, qbo_id)
    return isinstance(found, Fault) and is_missing(found)


def _live(client: QboClient, resource: str, where: str, now: datetime) -> Changes:
    return _seen(now, [(resource, record) for page in _pages(client, resource, where) for record in page])


def _seen(now: datetime, records: Sequence[tuple[str, Any]], *, with_bodies: bool = False) -> Changes:
    known = [(resource, record) for resource, record in records if _has_id(record)]
    sightings = tuple(_sighting(resource, record, now, with_body=with_bodies) for resource, record in known)
    return Changes(time=now, sightings=sightings, unclear=len(known) < len(records))


def pages(client: QboClient, resource: str, where: str = "") -> Iterator[list[Json]]:
    """All sound records of a resource, page by page; some come twice."""
    for page in _pages(client, resource, where):
        yield [record for record in page if flaw(resource, record) is None]


def _pages(client: QboClient, resource: str, where: str) -> Iterator[list[Any]]:
    start = 1
    while True:
        _, page = client.page(
            f"SELECT * FROM {resource} {where} ORDERBY Id"  # noqa: S608 - QuickBooks' language; our words, quoted values
            f" STARTPOSITION {start} MAXRESULTS {PAGE_SIZE}"
        )
        yield page
        if len(page) < PAGE_SIZE:
            return
        start += PAGE_SIZE - _PAGES_OVERLAP


def is_deleted(record: Json) -> bool:
    """Whether a record of an answer says only that it is gone: the raw `status` tells (fact 5, traps 21 and 22)."""
    return record.get("status") == "Deleted"


def _has_id(record: Any) -> bool:
    return isinstance(record, dict) and is_id(record.get("Id"))


def _sighting(resource: str, record: Json, now: datetime, *, with_body: bool) -> Sighting:
    """Of a record whose version or time cannot be read only that it was there now: it is looked at by itself."""
    deleted = is_deleted(record)
    token, told = record.get("SyncToken"), record.get("MetaData")
    changed = told.get("LastUpdatedTime") if isinstance(told, dict) else None
    return Sighting(
        resource=resource,
        qbo_id=record["Id"],
        sync_token=None if deleted else token if isinstance(token, str) and is_id(token) else UNREADABLE_VERSION,
        last_updated=instant(changed) if isinstance(changed, str) and is_moment(changed) else now,
        body=record if with_body and not deleted and flaw(resource, record) is None else None,
    )
