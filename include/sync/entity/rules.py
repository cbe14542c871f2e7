"""The shape that each entity's rules have, so that the four steps need to know no entity."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from include.company.company import Company
from include.model.plain import Canonical
from include.model.problem import Problem
from include.model.record import Entity, RecordKey
from include.qbo.client import QboClient
from include.qbo.faults import Fault
from include.sync.intents import Intent
from include.sync.plan.action import Plan
from include.sync.staging import StagedRecord

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class EntityRules:
    """One entity, from LMS rows to QuickBooks requests. `read`, `observe`, `explain` and
    `candidates` ask the database or QuickBooks; the others are pure."""

    entity: Entity
    #: QuickBooks' name of it.
    resource: str
    #: Entities whose links lead to the same resource: a QuickBooks record stands for one of them only.
    same_family: tuple[Entity, ...]
    #: Records that may go out in one request. List entities go one by one (dossier 6: Intuit's advice).
    batch_size: int
    #: Requests that may be under way at once.
    parallel: int
    #: The canonical records of these ids that exist in the LMS.
    read: Callable[[psycopg.Connection, Sequence[str]], Mapping[str, Canonical]]
    #: Fills `qbo` of the staged rows with what the plan needs to know of QuickBooks.
    observe: Callable[[psycopg.Connection, QboClient, Company, Sequence[StagedRecord]], None]
    #: What to do.
    plan: Callable[[StagedRecord, Company], Plan]
    #: Records that must be linked before this one can be written.
    references: Callable[[Canonical], tuple[RecordKey, ...]]
    #: The body that QuickBooks gets.
    body: Callable[[StagedRecord, Mapping[RecordKey, str], Company], Json]
    from_plain: Callable[[Mapping[str, Any]], Canonical]
    #: The base to keep after QuickBooks answered with this record.
    agreed: Callable[[Json, Json], Json]
    #: What is wrong with the answer although it was accepted.
    objection: Callable[[Intent, Json], Problem | None]
    #: The fault in a bookkeeper's words; may ask QuickBooks who is meant.
    explain: Callable[[Fault, Intent, QboClient], Problem]
    #: An invoice's number and the like, for the error table.
    document_number: Callable[[Json], str | None]
    #: After a lost answer: QuickBooks' records that earlier creates with these bodies may have made.
    candidates: Callable[[QboClient, Sequence[Json]], list[Json]]
    #: Whether a record was made from a body.
    came_from: Callable[[Json, Json], bool]
    #: How a bookkeeper would name the record of this base, at the beginning of a sentence: for transactions.
    noun: Callable[[Json], str] = lambda base: "The record"
    #: After a refusal: does what removes its cause in QuickBooks, if anything can; True: plan the record again.
    clear_the_way: Callable[[QboClient, Intent, Fault], bool] = lambda client, intent, fault: False
