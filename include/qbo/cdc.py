"""What changed in a company, as QuickBooks' change data capture and queries tell it (fact 5).

Times are compared as instants: QuickBooks prints Pacific time, of which an hour comes twice or not at
all when daylight saving changes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from include.qbo.client import QboClient
from include.qbo.errors import RequestRefused
from include.qbo.faults import parse_fault
from include.qbo.query import PAGE_SIZE, quoted, quoted_instant

#: An answer with this many objects may have been cut (fact 5: the cap is shared by all entities of a question).
CAP = 1000

#: Of an answer with more objects only the versions are kept. A poll holds the answers of all companies, and so many
#: changes are worked on for longer than what was read of them stays true.
WITH_BODIES = 200

#: Records that two pages have in common, so that deletions between the two leave no gap: pages are no snapshot
#: (fact 4.3), and Id knows no "greater than".
_PAGES_OVERLAP = 50

#: Where a time comes without an offset.
_PACIFIC = ZoneInfo("America/Los_Angeles")

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

    @property
    def perhaps_cut(self) -> bool:
        """Whether there may be more than was answered (trap 24)."""
        return len(self.sightings) >= CAP


def instant(text: str) -> datetime:
    """A timestamp of QuickBooks' as an instant in UTC."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=_PACIFIC)).astimezone(UTC)


def changes(client: QboClient, resources: Sequence[str], since: datetime) -> Changes:
    """What changed in these resources since an instant. Raises RequestRefused, for one if that is too long ago."""
    time, records = changed_records(client, resources, since)
    keep = len(records) <= WITH_BODIES
    return Changes(time=time, sightings=tuple(_sighting(resource, record, keep) for resource, record in records))


def changed_records(
    client: QboClient, resources: Sequence[str], since: datetime
) -> tuple[datetime, list[tuple[str, Json]]]:
    """As `changes`, with the records as they came: when QuickBooks began to answer, and (resource, record)."""
    answer = client.cdc(resources, since.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"))
    found = []
    for response in answer["CDCResponse"]:
        fault = parse_fault(response, status=400)
        if fault:
            raise RequestRefused(fault)
        for block in response["QueryResponse"]:
            # One member is the list of records; the counts beside it are optional, and wrong in Intuit's own samples.
            for resource, records in block.items():
                if isinstance(records, list):
                    found += [(resource, record) for record in records]
    return instant(answer["time"]), found


def changed_since(client: QboClient, resource: str, since: datetime) -> Iterator[Sighting]:
    """Every live record of a resource that changed since an instant, however many."""
    where = f"WHERE MetaData.LastUpdatedTime >= {quoted_instant(since)}"
    yield from (_sighting(resource, record) for page in pages(client, resource, where) for record in page)


def all_transactions(client: QboClient, resource: str, dated_from: date | None) -> Iterator[Sighting]:
    """Every live transaction of a resource, or those dated from a day on."""
    where = f"WHERE TxnDate >= {quoted(dated_from.isoformat())}" if dated_from else ""
    yield from (_sighting(resource, record) for page in pages(client, resource, where) for record in page)


def pages(client: QboClient, resource: str, where: str = "") -> Iterator[list[Json]]:
    """All records of a resource, page by page; some come twice."""
    start = 1
    while True:
        page = client.query(
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


def _sighting(resource: str, record: Json, with_body: bool = False) -> Sighting:
    deleted = is_deleted(record)
    return Sighting(
        resource=resource,
        qbo_id=record["Id"],
        sync_token=None if deleted else record["SyncToken"],
        last_updated=instant(record["MetaData"]["LastUpdatedTime"]),
        body=record if with_body and not deleted else None,
    )
