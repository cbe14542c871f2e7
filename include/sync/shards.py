"""Shards: some companies a task, so that the cost of a run follows the changes and not the companies.

Companies with little to do share a task, in which each has its own time: one that fails, or answers so slowly that the
others would wait for it, leaves the shard, and a run that starts at once works it in a task of its own, under its name.
Companies with much to do have one from the beginning. See docs/decisions/0027-shards.md.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from include.company.runtime import Runtime
from include.qbo.errors import NotConnected
from include.sync import trouble

log = logging.getLogger(__name__)

#: {realm_id, name}.
Company = dict[str, Any]
#: {name, companies}: what XCom carries from task to task.
Shard = dict[str, Any]
Counts = dict[str, int]
Step = Callable[[Runtime, str], Counts]

#: How many records a company that shares a task may have to do.
RECORDS = 100

#: Companies that have failed get tasks of their own, so many in a run: should QuickBooks itself be down, all fail.
APART = 8

#: Seconds that a company may take to read both sides where others wait for it.
HURRY = 10.0

#: As long as Airflow shows it.
_NAME = 240


def in_shards(found: Iterable[Company], most: int) -> list[Shard]:
    """Divide the companies that have work ([{realm_id, name, records, alone}]; due.py) into shards, `most` in each."""
    companies = list(found)
    failed = [one for one in companies if one.get("alone")][:APART]
    busy = [one for one in companies if one not in failed and one.get("records", 0) > RECORDS]
    others = [one for one in companies if one not in failed and one not in busy]
    count = -(-len(others) // most)
    shared = [others[start::count] for start in range(count)]
    return [_shard(together) for together in ([[one] for one in (*failed, *busy)] + shared)]


def _shard(companies: Sequence[Company]) -> Shard:
    name = ", ".join(one["name"] for one in companies)
    if len(name) > _NAME:
        name = f"{name[:_NAME]} …"
    return {"name": name, "companies": [{"realm_id": one["realm_id"], "name": one["name"]} for one in companies]}


def work(runtime: Runtime, shard: Shard, step: Step, *, waits: bool, hurried: bool = False) -> dict[str, Counts]:
    """Carry out a step for each company of the shard; what it counted, by realm_id, of those that go on.

    `waits`: for QuickBooks, so that the companies go side by side. `hurried`: no company may keep the others waiting
    for more than HURRY seconds. One that has the task for itself takes the time that it needs, and what it raises is
    raised.
    """
    companies = shard["companies"]
    if not companies:
        return {}
    if len(companies) == 1:
        return {companies[0]["realm_id"]: _alone(runtime, companies[0], step)}
    own = runtime.hurried(HURRY) if hurried else runtime

    def one_of(company: Company) -> Counts | None:
        return _one_of_many(runtime, own, company, step)

    if waits:
        with ThreadPoolExecutor(len(companies)) as pool:
            counted = list(pool.map(one_of, companies))
    else:
        counted = [one_of(company) for company in companies]
    return {one["realm_id"]: counts for one, counts in zip(companies, counted, strict=True) if counts is not None}


def _alone(runtime: Runtime, company: Company, step: Step) -> Counts:
    try:
        return step(runtime, company["realm_id"])
    except NotConnected:
        raise
    except Exception as error:
        with runtime.connect() as connection:
            trouble.note(connection, runtime.run, company["realm_id"], error, alone=True)
        raise


def _one_of_many(runtime: Runtime, own: Runtime, company: Company, step: Step) -> Counts | None:
    """None: it goes on in a task of its own, or not at all. Raises psycopg.Error if the database is down."""
    try:
        return step(own, company["realm_id"])
    except NotConnected as reason:
        log.info("%s: %s What is marked stays marked.", company["name"], reason)
        return None
    except Exception as error:
        log.exception("%s (%s) goes on in a task of its own", company["name"], company["realm_id"])
        with runtime.connect() as connection:
            trouble.note(connection, runtime.run, company["realm_id"], error, alone=False)
            trouble.leave_to_own_task(connection, runtime.run, company["realm_id"])
        return None


def going_on(shard: Shard, counted: dict[str, Counts]) -> Shard:
    """The shard with those of its companies that go on to the next step, and what this one counted of each."""
    return {
        "name": shard["name"],
        "companies": [{**one, **_counts(counted, one)} for one in shard["companies"] if one["realm_id"] in counted],
    }


def _counts(counted: dict[str, Counts], company: Company) -> dict[str, Counts]:
    counts = {name: count for name, count in counted[company["realm_id"]].items() if count}
    return {"counts": counts}
