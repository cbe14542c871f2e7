"""A unit of work: what one request changes, all of it or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from . import faults
from .clock import Clock
from .journal import Journal
from .money import dumps
from .oauth import OAuth
from .schema import Body
from .store import Company, Record
from .switches import Switchboard
from .webhooks import Event, Webhooks

# The server and the entities import this module, so their own types stay out of it.


class Host(Protocol):
    """What a unit of work needs of the server."""

    clock: Clock
    switches: Switchboard
    journal: Journal
    webhooks: Webhooks
    oauth: OAuth


class StoredKind(Protocol):
    """What a unit of work needs of an entity's kind."""

    name: ClassVar[str]
    family: ClassVar[str]

    def record(self, body: Body, raw: bytes, created: int, updated: int) -> Record:
        """The stored form."""


@dataclass(slots=True)
class _Staged:
    kind: StoredKind
    body: Body | None
    created: int
    updated: int


class Work:
    """Reads see what this work has staged; nothing is in the company before `commit`."""

    def __init__(self, server: Host, company: Company, hidden: set[tuple[str, str]] | None = None) -> None:
        self.server, self.company = server, company
        self.now = int(server.clock.now())
        self.stamp = server.clock.stamp(self.now)
        self.hidden = hidden
        self._staged: dict[tuple[str, str], _Staged] = {}
        self._events: list[Event] = []
        self.created: list[tuple[str, str]] = []

    def switch(self, name: str) -> Any:
        """A doubtful behaviour's setting for this company."""
        return self.server.switches.get(name, self.company.switches)

    @property
    def preferences(self) -> Body:
        """The company's preferences."""
        return self.company.preferences

    def read(self, kind: str, record_id: str) -> Body | None:
        """A record as this work sees it; what it returns may be changed and given to `save`."""
        staged = self._staged.get((kind, record_id))
        if staged is not None:
            return staged.body
        record = self.company.table(kind).records.get(record_id)
        return record.load() if record is not None else None

    def look(self, kind: str, record_id: str) -> Body | None:
        """A list record to look at, not to change, for references; items of a batch are blind to each other."""
        if self.hidden and (kind, record_id) in self.hidden:
            return None
        staged = self._staged.get((kind, record_id))
        if staged is not None:
            return staged.body
        return self.company.peek(kind, record_id)

    def record(self, kind: str, record_id: str) -> Record | None:
        """The stored version, before this work."""
        return self.company.table(kind).records.get(record_id)

    def save(self, kind: StoredKind, body: Body, verb: str | None = None) -> Body:
        """Stage a new version: a new id and SyncToken 0, or the token raised by one."""
        record_id = body.get("Id")
        old = self.record(kind.name, record_id) if record_id else None
        if record_id is None:
            body["Id"] = record_id = self.company.next_id(kind.family)
            self.created.append((kind.name, record_id))
        staged = self._staged.get((kind.name, record_id))
        if staged is None:
            body["SyncToken"] = "0" if old is None else str(int(old.token) + 1)
        created = self.now if old is None else old.created
        create_time = self.stamp if old is None else body["MetaData"]["CreateTime"]
        body["MetaData"] = {"CreateTime": create_time, "LastUpdatedTime": self.stamp}
        body["domain"], body["sparse"] = "QBO", False
        self._staged[(kind.name, record_id)] = _Staged(kind, body, created, self.now)
        if staged is None or verb:
            self.tell(kind.name, record_id, verb or ("Create" if old is None else "Update"))
        return body

    def keep(self, kind: StoredKind, body: Body) -> None:
        """Stage a change that raises neither SyncToken nor LastUpdatedTime (fact 9.1, descendants)."""
        old = self.record(kind.name, body["Id"])
        if old is not None:
            self._staged[(kind.name, body["Id"])] = _Staged(kind, body, old.created, old.updated)

    def remove(self, kind: StoredKind, record_id: str) -> None:
        """Stage a deletion."""
        self._staged[(kind.name, record_id)] = _Staged(kind, None, 0, self.now)
        self.tell(kind.name, record_id, "Delete")

    def tell(self, kind: str, record_id: str, verb: str, other: str = "") -> None:
        """Note an event for the webhooks; `other` is the id that a merge made disappear."""
        self.forget_event(kind, record_id)
        self._events.append(Event(self.company.realm, kind, record_id, verb, self.server.clock.now(), other))

    def forget_event(self, kind: str, record_id: str) -> None:
        """Take back what was told of a record."""
        self._events = [event for event in self._events if (event.kind, event.id) != (kind, record_id)]

    def commit(self, quiet: bool = False) -> None:
        """Put everything into the company and into the state file's buffer; quietly: without webhooks."""
        journal, company = self.server.journal, self.company
        for (name, record_id), staged in self._staged.items():
            if staged.body is None:
                company.drop(name, record_id, staged.updated)
                journal.deleted(company.realm, name, record_id, staged.updated)
                continue
            record = staged.kind.record(staged.body, dumps(staged.body), staged.created, staged.updated)
            company.put(name, record)
            journal.put(company.realm, name, record)
        if self._events and not quiet and self.server.webhooks.listening and self.server.oauth.connected(company.realm):
            self.server.webhooks.tell(self._events)
        self._staged.clear()


def inactive(work: Work, fields: str) -> faults.Fault:
    """A reference to something inactive: 2500, or 610 where the switch says so (fact 8.4, trap 40)."""
    return faults.not_found() if work.switch("inactive_reference") == 610 else faults.inactive_reference(fields)


def reference(
    work: Work, old: Body | None, body: Body, field: str, kind: str, family: str, fields: str, name: str = "DisplayName"
) -> Body | None:
    """Resolve a reference and put its name in: unknown or inactive targets are 2500 (fact 8.4).

    What the version before refers to may have been made inactive since: that stays (fact 9.2).
    """
    held = body.get(field)
    if not held:
        return None
    target = work.look(kind, held["value"])
    if target is None:
        raise faults.bad_reference(family, held["value"])
    if target.get("Active") is False and (old or {}).get(field, {}).get("value") != held["value"]:
        raise inactive(work, fields)
    body[field] = {"value": held["value"], "name": target.get(name, "")}
    return target
