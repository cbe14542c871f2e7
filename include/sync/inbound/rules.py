"""What differs between invoices and payments on their way from QuickBooks, so that the steps need to know neither."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from include.company.company import Company
from include.model.plain import Canonical
from include.model.record import Direction, Entity, Operation, Outcome
from include.qbo.client import QboClient
from include.sync.plan.inbound import InboundPlan
from include.sync.staging import StagedRecord

Json = dict[str, Any]


class LookAgain(Exception):
    """The record is not as it was planned, or nobody can tell just now: nothing was written."""

    def __init__(self, why: str, seconds: float) -> None:
        """Wait for so many seconds."""
        super().__init__(why)
        self.seconds = seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """What was written to the LMS."""

    outcome: Outcome
    operation: Operation
    #: The LMS record, if it has one.
    lms_id: str | None
    #: Invoices of QuickBooks to look at again: their balance could not be told.
    look_again: Sequence[str] = field(default_factory=tuple)


@dataclass(frozen=True, kw_only=True, slots=True)
class InboundRules:
    """One entity. `observe` asks the database and QuickBooks, `apply` writes to the LMS, the others are pure."""

    entity: Entity
    #: QuickBooks' name of it.
    resource: str
    #: Fills `lms` and `qbo` of the staged rows with what both sides say.
    observe: Callable[[psycopg.Connection, QboClient, Company, Sequence[StagedRecord]], None]
    #: What to do.
    plan: Callable[[StagedRecord, Company], InboundPlan]
    #: What would be written to the LMS, to be checked; None: nothing.
    planned: Callable[[StagedRecord], Canonical | None]
    #: Writes it, in the caller's transaction. Raises LookAgain.
    apply: Callable[[psycopg.Connection, Company, StagedRecord], Applied]
    #: An invoice's number and the like, for the error table.
    document_number: Callable[[StagedRecord], str | None]
    #: E.g. “Invoice 1042”, for messages.
    noun: Callable[[StagedRecord], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class InboundFlow:
    """One DAG's entity."""

    rules: InboundRules
    direction: Direction = "qbo_to_lms"
    #: What goes first (due.py).
    after: tuple[Entity, ...] = ()

    @property
    def names(self) -> list[Entity]:
        """The entity's name, in the form in which flows of several entities give theirs."""
        return [self.rules.entity]
