"""What the steps need of each entity: how it is read on both sides, how it is written on each. The plan is pure, and
stands in plan/ under the entity's name."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, TypeVar

import psycopg

from include.company.company import Company
from include.model.plan import Plan
from include.model.problem import Problem
from include.model.record import Entity, Operation, Outcome, RecordKey
from include.model.settings import LabSettings
from include.model.staged import Context, StagedRecord
from include.qbo.client import QboClient, Write
from include.qbo.faults import Fault
from include.sync.intents import Intent
from include.sync.plan.guards import Subject

Json = dict[str, Any]

#: What both sides agree on; what the LMS said; what QuickBooks said; what else is known.
T = TypeVar("T")
L = TypeVar("L")
Q = TypeVar("Q")
C = TypeVar("C", bound=Context)


class EntitySync(ABC, Generic[T, L, Q, C]):
    """One entity, for every DAG that syncs it."""

    entity: ClassVar[Entity]
    #: QuickBooks' name of it.
    resource: ClassVar[str]
    #: The staged row, a `StagedRecord[T, L, Q, C]`: tells how its JSON is read.
    row: ClassVar[Any]

    @abstractmethod
    def read(
        self,
        connection: psycopg.Connection,
        client: QboClient,
        company: Company,
        records: Sequence[StagedRecord[T, L, Q, C]],
    ) -> None:
        """Fill `lms`, `qbo` and `context` of the records. Decides nothing."""

    @abstractmethod
    def plan(self, record: StagedRecord[T, L, Q, C], lab: LabSettings) -> Plan[T]:
        """What to do. Pure."""

    @abstractmethod
    def subject(self, record: StagedRecord[T, L, Q, C]) -> Subject:
        """What the guards need to know of it. Pure."""

    def document_number(self, record: StagedRecord[T, L, Q, C]) -> str | None:
        """An invoice's number and the like, for the error table."""
        return None

    def lab_of(self, record: StagedRecord[T, L, Q, C]) -> int | None:
        """Whose record it is, as far as the LMS or the mark knows."""
        return record.billing_lab_id


#: What is done to a payment in the way of a record: it is taken off an invoice, or deleted to free a credit.
MakesWay = Literal["unlink", "free"]

#: Sends a write to such a payment: the write, what it does, and the payment as it is. Whether it was done. Raises as
#: `client.write`.
SendBeside = Callable[[Write, MakesWay, Json], bool]


class ToQuickBooks(EntitySync[T, L, Q, C]):
    """An entity that is written to QuickBooks. `explain`, `find_candidates` and `remove_cause` ask QuickBooks, the
    others are pure."""

    #: Entities whose links lead to the same resource: a QuickBooks record stands for one of them only.
    same_resource: ClassVar[tuple[Entity, ...]]
    #: Records that may go out in one request. List entities go one by one (fact 6, decision 0026).
    batch_size: ClassVar[int] = 1
    #: Requests that may be under way at once.
    parallel: ClassVar[int] = 1

    def ask(
        self,
        connection: psycopg.Connection,
        client: QboClient,
        company: Company,
        records: Sequence[StagedRecord[T, L, Q, C]],
    ) -> None:
        """After `read`: also fill what an update needs of QuickBooks, where `read` saw no reason to ask."""

    @abstractmethod
    def references(self, target: T) -> tuple[RecordKey, ...]:
        """Records that must be linked before this one can be written."""

    def customer(self, record: StagedRecord[T, L, Q, C]) -> RecordKey | None:
        """Whom a transaction of the LMS is for; None for customers and items."""
        return None

    @abstractmethod
    def body(
        self, record: StagedRecord[T, L, Q, C], plan: Plan[T], ids: Mapping[RecordKey, str], company: Company
    ) -> Json:
        """What QuickBooks gets. `ids`: the QuickBooks ids of the references."""

    def agreed(self, base: T, answer: Json) -> T:
        """The base to keep after QuickBooks answered with this record."""
        return base

    def check_answer(self, intent: Intent, answer: Json) -> Problem | None:
        """What is wrong with the answer although QuickBooks accepted the write."""
        return None

    @abstractmethod
    def noun(self, base: T | None) -> str:
        """How a bookkeeper would name the record of this base at the beginning of a sentence."""

    def number(self, base: T | None) -> str | None:
        """The document number of the record of this base, for the error table."""
        return None

    @abstractmethod
    def explain(self, fault: Fault, intent: Intent, client: QboClient) -> Problem:
        """The fault in a bookkeeper's words; may ask QuickBooks who is meant."""

    @abstractmethod
    def find_candidates(self, client: QboClient, bodies: Sequence[Json]) -> list[Json]:
        """After a lost answer: QuickBooks' records that earlier creates with these bodies may have made."""

    @abstractmethod
    def is_made_from(self, candidate: Json, body: Json) -> bool:
        """Whether a QuickBooks record was made from a body of ours."""

    def may_be_made_from(self, candidate: Json, body: Json) -> bool:
        """Whether one that somebody has changed since may have been."""
        return False

    def remove_cause(self, client: QboClient, intent: Intent, fault: Fault, send_beside: SendBeside) -> bool:
        """After a refusal: do in QuickBooks what removes its cause, if anything can, or find what the plan did not
        know of. Whether it is removed, or understood: the record is planned again."""
        return False


class RetryLater(Exception):
    """The record is not as it was planned, or nobody can tell just now: nothing was written."""

    def __init__(self, why: str, seconds: float) -> None:
        """Wait for so many seconds."""
        super().__init__(why)
        self.seconds = seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What was written to the LMS."""

    outcome: Outcome
    operation: Operation
    #: The LMS record, if it has one.
    lms_id: str | None
    #: Invoices of the LMS whose balance could not be told: to be synced again.
    unsure_balances: Sequence[str] = field(default_factory=tuple)


class ToLms(EntitySync[T, L, Q, C]):
    """An entity that is written to the LMS."""

    @abstractmethod
    def in_lms(self, record: StagedRecord[T, L, Q, C]) -> T | None:
        """What the LMS said, in the form that both sides share. Pure."""

    def left_in_lms(self, record: StagedRecord[T, L, Q, C]) -> T | None:
        """What the LMS says after the plan was carried out. Pure."""
        return record.planned.target or self.in_lms(record)

    @abstractmethod
    def write(self, connection: psycopg.Connection, company: Company, record: StagedRecord[T, L, Q, C]) -> Written:
        """Carry out the plan, with link and base, in the caller's transaction. Raises RetryLater.

        A linked record with nothing to do gets here too: its balance and the version of its link follow.
        """

    def skipped(self, record: StagedRecord[T, L, Q, C]) -> Problem | None:
        """What of QuickBooks' record the LMS cannot have, whatever else is done with it."""
        return None
