"""What is worth an alert, and in which words. Pure.

One alert per cause, however many records it concerns. Each says what happened, to whom, what to do and what happens
then; docs/operations.md has an entry per kind.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from include.model.problem import listed

Kind = Literal["reconnect", "old_errors", "books_differ", "many_deletes", "quota", "late", "failing", "slow_run"]

#: A sync error is worth an alert when it has been open for longer.
OLD_ERROR = timedelta(days=1)
#: Changes that nobody works on, so long after they were due.
LATE = timedelta(minutes=30)
#: A company whose runs fail for so long.
FAILING = timedelta(hours=1)
#: Of the month's metered calls.
QUOTA_SHARE = 0.8

#: So long a cause has to stand before anybody is told: what is late may just have become due.
PATIENCE: Mapping[Kind, timedelta] = {"late": timedelta(minutes=5)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Fact:
    """What was found: of which company and labs, how much, since when."""

    kind: Kind
    since: datetime
    #: None: of no one company.
    realm_id: str | None = None
    #: Which one, where a company can have several: an error code, a lab, a DAG, a run, a month.
    subject: str = ""
    company: str = ""
    labs: Sequence[str] = ()
    #: One of those labs, for a link.
    lab_id: int | None = None
    count: int = 0
    #: Of how many.
    total: int = 0
    #: In the words of whoever noticed it.
    said: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """A cause, in words. `over`: what is said when it is gone."""

    kind: Kind
    realm_id: str | None
    subject: str
    since: datetime
    title: str
    message: str
    over: str


def alert(fact: Fact, base_url: str) -> Alert:
    """The words for a fact. `base_url`: Airflow's public address."""
    title, message, link, over = _WORDS[fact.kind](fact)
    return Alert(
        kind=fact.kind,
        realm_id=fact.realm_id,
        subject=fact.subject,
        since=fact.since,
        title=title,
        message=f"{message}\n{base_url.rstrip('/')}{link}",
        over=over,
    )


_Words = tuple[str, str, str, str]


def _reconnect(fact: Fact) -> _Words:
    return (
        f"Reconnect {fact.company} to QuickBooks",
        f"Pilot lost its access to the QuickBooks company {fact.company}{_for(fact.labs)}, so nothing syncs there."
        " Somebody who may sign in to that company has to reconnect it on the page below. Everything that changes in"
        " the meantime is kept, and syncs right after that.",
        f"/quickbooks/labs/{fact.lab_id}/connect",
        f"{fact.company} is no longer waiting to be reconnected.",
    )


def _old_errors(fact: Fact) -> _Words:
    several = fact.count != 1
    return (
        f"{fact.count:,} {'records' if several else 'record'} of {fact.company} not in sync for more than a day"
        f" ({fact.subject})",
        f"{fact.count:,} {'records have' if several else 'record has'} had the sync error {fact.subject} for more than"
        f" a day{_of(fact.labs)}, the oldest since {moment(fact.since)}. The page below says what is wrong with each"
        " one and what to do. Once that is done, they sync automatically.",
        "/quickbooks/errors" + (f"?lab={fact.lab_id}" if len(fact.labs) == 1 else ""),
        f"No sync error {fact.subject} of {fact.company} has been open for more than a day any longer.",
    )


def _books_differ(fact: Fact) -> _Words:
    link = f"/quickbooks/labs/{fact.lab_id}/books"
    over = f"The books of {fact.company} agree, or every difference is explained."
    if fact.said == "failed":
        return (
            f"The books of {fact.company} could not be compared",
            f"The comparison of {moment(fact.since)} does not add up, so it says nothing about the books"
            f"{_for(fact.labs)}. Select Compare now on the page below. If it fails again, ask an administrator to look"
            " at the run of ledger_reconciliation in Airflow. Syncing goes on as usual.",
            link,
            over,
        )
    several = fact.count != 1
    return (
        f"The books of {fact.company} do not agree",
        f"Pilot and QuickBooks differ in {fact.count:,} {'records' if several else 'record'}{_for(fact.labs)}, and"
        f" nothing on file explains {'them' if several else 'it'} (compared {moment(fact.since)}). The page below says"
        " what to do about each one. The books are compared again every day, or when you select Compare now there.",
        link,
        over,
    )


def _many_deletes(fact: Fact) -> _Words:
    return (
        f"Unusually many deletes wait for your decision{_of(fact.labs)}",
        f"{fact.said} Nothing was deleted. Find out why they are gone, then choose Delete or Keep on the page below."
        " Everything else goes on syncing.",
        f"/quickbooks/errors/{fact.subject}",
        f"The deletes that waited for a decision{_of(fact.labs)} are settled.",
    )


def _quota(fact: Fact) -> _Words:
    return (
        f"{fact.count * 100 // max(fact.total, 1)}% of the month’s QuickBooks calls are used",
        f"{fact.count:,} of {fact.total:,} metered calls are used, by all companies together. Pilot now checks"
        " QuickBooks for changes less often, so that the rest lasts until the month ends (UTC); changes in Pilot are"
        " still sent. The page below shows what used them. If this happens every month, ask an administrator to set up"
        " webhooks or to choose a larger plan with Intuit.",
        "/quickbooks/activity#calls",
        "The month’s QuickBooks calls are below 80% again: a new month has begun, or the plan is larger.",
    )


def _late(fact: Fact) -> _Words:
    what = "Changes in Pilot are not being picked up" if fact.subject == "" else f"The DAG {fact.subject} is late"
    return (
        what,
        f"{fact.count:,} {'changes have' if fact.count != 1 else 'change has'} been ready to sync since"
        f" {moment(fact.since)}, and no run in Airflow works on {'them' if fact.count != 1 else 'it'}. Ask whoever runs"
        " Airflow to check that this DAG is not paused, and that scheduler, workers, and triggerer are running."
        " Nothing is lost: everything syncs once they do.",
        f"/dags/{fact.subject}" if fact.subject else "/dags",
        f"{'Changes in Pilot are picked up' if fact.subject == '' else f'The DAG {fact.subject} is on time'} again.",
    )


def _failing(fact: Fact) -> _Words:
    return (
        f"{fact.company} has not been able to sync since {moment(fact.since)}",
        f"QuickBooks did not respond{_for(fact.labs)}, or something went wrong in Pilot ({fact.said.rstrip('.')})."
        " Pilot keeps trying, at least every 15 minutes, and nothing is lost. Ask an administrator to look at the runs"
        " in Airflow that failed under this company’s name, and whether Intuit reports an outage.",
        f"/quickbooks/labs/{fact.lab_id}",
        f"{fact.company} is syncing again.",
    )


def _slow_run(fact: Fact) -> _Words:
    dag_id, _, run_id = fact.subject.partition("/")
    return (
        f"A run of {dag_id} is taking unusually long",
        f"The run {run_id} was started on {moment(fact.since)} and has not finished. A first sync, or a comparison of"
        " everything, may take hours; then there is nothing to do. Otherwise ask whoever runs Airflow to look at its"
        " tasks. It is safe to clear the run or to start another one.",
        f"/dags/{dag_id}/runs/{run_id}",
        f"The run of {dag_id} that took unusually long has ended.",
    )


_WORDS: Mapping[Kind, Callable[[Fact], _Words]] = {
    "reconnect": _reconnect,
    "old_errors": _old_errors,
    "books_differ": _books_differ,
    "many_deletes": _many_deletes,
    "quota": _quota,
    "late": _late,
    "failing": _failing,
    "slow_run": _slow_run,
}
#: In the order in which they are told.
KINDS: tuple[Kind, ...] = get_args(Kind)


def message(alerts: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """One message for what is new of one kind, [(title, text)]: its subject line, and its text. An outage that hits
    200 companies is one message."""
    first, *others = alerts
    if not others:
        return first
    return f"{first[0]}, and {len(others)} more", "\n\n".join(f"{title}\n{text}" for title, text in alerts)


def moment(value: datetime) -> str:
    """Nov 27, 2026, 7:38 AM UTC."""
    return f"{value:%b} {value.day}, {value:%Y}, {value.hour % 12 or 12}:{value:%M} {value:%p} UTC"


def _for(labs: Sequence[str]) -> str:
    return f" (for {_first_of(labs)})" if labs else ""


def _of(labs: Sequence[str]) -> str:
    return f" at {_first_of(labs)}" if labs else ""


def _first_of(names: Sequence[str]) -> str:
    shown = list(names[:3])
    if len(names) > len(shown):
        shown.append(f"{len(names) - len(shown)} more")
    return listed(shown)
