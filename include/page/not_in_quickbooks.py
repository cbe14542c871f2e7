"""Why an invoice of Pilot's is not in QuickBooks: each reason with what to do, and what happens then."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from include.page.words import day, moment


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What the database says of the invoice (not_in_quickbooks.sql). What belongs to a company is None without one."""

    lms_id: int
    lab_id: int
    lab: str
    dated: date
    company: str | None = None
    #: The company that its lab is connected to.
    realm_id: str | None = None
    #: It is in QuickBooks, as far as Pilot knows.
    linked: bool = False
    has_access: bool | None = None
    started: bool = False
    direction: str | None = None
    sync_invoices: bool | None = None
    start_date: date | None = None
    #: Why, for people.
    left_alone: str | None = None
    error_id: int | None = None
    error_status: str | None = None
    held_until: datetime | None = None
    failing_since: datetime | None = None
    marked: bool = False
    #: A run has it at this moment.
    in_hand: bool = False
    #: Not before this moment, which is to come.
    tried_at: datetime | None = None
    waits_for_entity: str | None = None
    waits_for_error: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """One reason, and the page on which it can be changed."""

    why: str
    what_to_do: str
    link: str = ""
    action: str = ""
    query: Mapping[str, str] = field(default_factory=dict)


_WAITS_FOR = {
    "billing_account": "its customer is",
    "doctor_office": "its sub-customer is",
    "product": "all of its products are",
    "special_item": "the items for its tax and credits are",
}


def reasons(facts: Facts) -> list[Reason]:
    """All settings and decisions that keep it out, or else what it waits for; none if it is in QuickBooks."""
    if facts.linked:
        return []
    if facts.realm_id is None:
        return [
            Reason(
                why=f"Its lab, {facts.lab}, is not connected to QuickBooks.",
                what_to_do="Connect the lab: invoices dated on or after the start date that you choose are then sent.",
                link=f"/labs/{facts.lab_id}/connect",
                action="Connect the lab",
            )
        ]
    return [*_of_the_lab(facts), *_of_the_invoice(facts)] or [_waiting(facts)]


def _of_the_lab(facts: Facts) -> Iterator[Reason]:
    place = f"/labs/{facts.lab_id}"
    if not facts.has_access:
        yield Reason(
            why=f"Pilot lost its access to {facts.company} in QuickBooks.",
            what_to_do="Reconnect the lab: the invoice is then sent.",
            link=f"{place}/connect",
            action="Reconnect the lab",
        )
    if not facts.started:
        yield Reason(
            why=f"{facts.lab} is connected, but nobody has started its sync.",
            what_to_do="Look at the preview of its first sync and select Start syncing: the invoice is then sent.",
            link=place,
            action="Open the lab",
        )
    if facts.direction == "qbo_to_lms":
        yield Reason(
            why=f"The settings of {facts.lab} let records go from QuickBooks to Pilot only.",
            what_to_do="Nothing, if that is intended. Otherwise change the direction: the invoice is then sent.",
            link=f"{place}/settings",
            action="Open the settings",
        )
    if not facts.sync_invoices:
        yield Reason(
            why=f"Invoices are turned off in the settings of {facts.lab}.",
            what_to_do="Nothing, if that is intended. Otherwise turn them on: the invoice is then sent.",
            link=f"{place}/settings",
            action="Open the settings",
        )
    if facts.start_date and facts.dated < facts.start_date:
        yield Reason(
            why=f"It is dated {day(facts.dated)}, before the start date of {facts.lab} ({day(facts.start_date)}).",
            what_to_do="Nothing, if earlier invoices are to stay out of QuickBooks. Otherwise choose an earlier start"
            " date: everything dated since then is sent.",
            link=f"{place}/settings",
            action="Open the settings",
        )


def _of_the_invoice(facts: Facts) -> Iterator[Reason]:
    if facts.left_alone:
        yield _sync_again(
            facts,
            why=f"It is left alone. {facts.left_alone}",
            what_to_do="Nothing, if it is to stay out of QuickBooks. Otherwise choose Sync again: it is then sent.",
        )
    elif facts.error_id:
        ignored = facts.error_status == "ignored"
        yield Reason(
            why="It has an error that someone chose to ignore." if ignored else "It could not be sent.",
            what_to_do="If it should be sent after all, open the error and choose Reopen: it is then tried again."
            if ignored
            else "Open the error, which says why, and follow its advice: it is then sent.",
            link=f"/errors/{facts.error_id}",
            action="Open the error",
        )
    elif facts.held_until:
        yield Reason(
            why=f"{facts.lab} holds new invoices, this one until {day(facts.held_until)}.",
            what_to_do="Nothing: it is sent on that day. To send it now, choose Release on the lab’s page.",
            link=f"/labs/{facts.lab_id}",
            action="Open the lab",
        )


def _waiting(facts: Facts) -> Reason:
    if facts.failing_since:
        return Reason(
            why=f"Pilot has not been able to sync with {facts.company} since {moment(facts.failing_since)}.",
            what_to_do="Nothing: Pilot keeps trying, at least every 15 minutes, and sends it once that works. If it"
            " lasts more than an hour, ask an administrator.",
        )
    if facts.in_hand:
        return Reason(why="It is being sent right now.", what_to_do="Reload this page in a minute to see the result.")
    if facts.waits_for_entity:
        why = f"It waits until {_WAITS_FOR.get(facts.waits_for_entity, 'another record is')} in QuickBooks."
        if facts.waits_for_error is None:
            return Reason(why=why, what_to_do="Nothing: it is sent right after that, usually within minutes.")
        return Reason(
            why=why,
            what_to_do="That has an error. Open it and follow its advice: the invoice is sent after that.",
            link=f"/errors/{facts.waits_for_error}",
            action="Open the error",
        )
    if facts.tried_at:
        return Reason(
            why=f"It could not be sent yet and is tried again at {moment(facts.tried_at)}.",
            what_to_do="Nothing: it is then sent, or an error says why not.",
        )
    if facts.marked:
        return Reason(
            why="It waits for its turn: no sync has taken it yet.",
            what_to_do="Nothing: the next sync sends it, within 15 minutes at most. If it still waits after that, ask"
            " an administrator whether the DAG invoice_lms_to_qbo is paused in Airflow.",
        )
    return _sync_again(
        facts,
        why="Nothing says that it is to be sent.",
        what_to_do="Choose Sync again: it is then compared with QuickBooks and sent.",
    )


def _sync_again(facts: Facts, *, why: str, what_to_do: str) -> Reason:
    """The reason goes away when somebody asks for the invoice."""
    return Reason(
        why=why,
        what_to_do=what_to_do,
        link=f"/labs/{facts.lab_id}/sync-again",
        action="Sync again…",
        query={"kind": "invoice_lms_to_qbo", "lms_ids": str(facts.lms_id)},
    )
