"""Change data capture (fact 5)."""

from __future__ import annotations

from . import faults
from .clock import pacific, parse_moment
from .entities import find
from .entities.kind import Kind
from .money import dumps
from .store import Record
from .work import Work

MOST = 1000
DAYS = 30


def run(work: Work, entities: str, since: str) -> bytes:
    """The `CDCResponse` member: a block per entity, `{}` where nothing changed.

    The cap of 1000 objects is shared by all entities and cuts without a word (traps 24, 25).
    """
    names = [name.strip() for name in entities.split(",") if name.strip()]
    if not names:
        raise faults.missing("entities")
    if not since:
        raise faults.missing("changedSince")
    moment = parse_moment(since.replace(" ", "+"))
    if moment is None:
        raise faults.bad_date("changedSince", since)
    if moment < work.now - DAYS * 86400:
        raise faults.query_invalid(f"changedSince {since} is invalid. It cannot be older than {DAYS} days")
    kinds = [_kind(name) for name in names]
    left = MOST
    blocks = []
    for kind in kinds:
        if work.switch("cdc_per_entity_cap"):
            left = MOST
        found = _changed(work, kind, moment)[:left]
        left -= len(found)
        blocks.append(_block(kind, found))
    return b'"CDCResponse":[{"QueryResponse":[%b]}]' % b",".join(blocks)


def _kind(name: str) -> Kind:
    kind = find(name)
    if kind is None or not kind.in_cdc:
        raise faults.named("2000", "Invalid or unsupported object name", f"Supplied value:{name}", "entities")
    return kind


def _changed(work: Work, kind: Kind, since: int) -> list[bytes]:
    """Live ones by last-updated time, then the deleted stubs."""
    table = work.company.table(kind.name)
    if not work.switch("cdc_inclusive"):
        since += 1
    until = work.now - int(work.switch("cdc_lag_seconds"))
    live = [record for record in table.records.values() if since <= record.updated <= until]
    live.sort(key=_by_update)
    gone = sorted((epoch, key) for key, epoch in table.deleted.items() if since <= epoch <= until)
    bodies = [kind.render(work.company, record) for record in live]
    return bodies + [_stub(record_id, epoch) for epoch, record_id in gone]


def _by_update(record: Record) -> int:
    return record.updated


def _stub(record_id: str, epoch: int) -> bytes:
    return dumps(
        {"domain": "QBO", "status": "Deleted", "Id": record_id, "MetaData": {"LastUpdatedTime": pacific(epoch)}}
    )


def _block(kind: Kind, found: list[bytes]) -> bytes:
    if not found:
        return b"{}"
    count = len(found)
    members = b'"startPosition":1,"maxResults":%d,"totalCount":%d' % (count, count)
    return b'{"%b":[%b],%b}' % (kind.name.encode(), b",".join(found), members)
