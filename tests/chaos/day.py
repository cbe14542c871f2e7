"""A day of people on a stack, and the judgement in its evening: both ledgers agree, each record exactly once."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import psycopg
import requests

from tests.chaos.house import House
from tests.chaos.people import CUT_SHORT, People
from tests.support.airflow import Airflow
from tests.support.ledgers.agreement import differences
from tests.support.world import UNLIMITED, World

#: Seconds without anything to do after which it is quiet: longer than two polls. Seconds without any progress after
#: which it never will be: a company that failed again and again rests for 900, and is asked and worked after that.
#: And seconds in all, since work may go in circles.
QUIET, NEVER, CIRCLES = 75.0, 1200.0, 3600.0
#: What is applied for more than is open is tried every few minutes and stays refused: many make it never quiet.
_NOT_REFUSED_AGAIN = (
    "not exists (select from qbo_sync.sync_error e where e.realm_id = m.realm_id and e.direction = m.direction"
    "               and e.record_entity = m.entity and e.record_id = m.record_id and e.status = 'open'"
    "               and e.error_code = 'qbo_6000' and e.attempts > 3)"
)
#: Transactions of a company that are read in one query.
_READ_AT_ONCE = 1000


@dataclass(kw_only=True)
class Judgement:
    """What is right and what is not."""

    actions: Counter[str] = field(default_factory=Counter)
    cut_short: int = 0
    records: Counter[str] = field(default_factory=Counter)
    links: int = 0
    #: Seconds from the last fault until nothing was due any more.
    quiet_after: float = 0.0
    duplicates: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)

    @property
    def right(self) -> bool:
        """Whether nothing is wrong, and anything was synced at all."""
        wrong = [*self.duplicates, *self.lost, *self.disagreements, *self.stuck]
        return not wrong and self.links > 0

    def take(self, found: list[str]) -> None:
        """Sort what is not alike in the two ledgers."""
        for one in found:
            if "is linked twice" in one or "made twice" in one:
                self.duplicates.append(one)
            elif "is missing in" in one or "is gone from" in one:
                self.lost.append(one)
            else:
                self.disagreements.append(one)


def compare(one: People, judgement: Judgement) -> None:
    """A company's two ledgers, record by record, and what has vanished from both."""
    world = one.world
    one.reconnect()
    found = differences(world, restructured=one.staff.restructured)
    judgement.take([f"{world.qbo.realm}: {words}" for words in [*found, *one.vanished(), *one.made_twice()]])
    judgement.actions += one.done
    judgement.cut_short += one.cut_short
    judgement.links += world.value("select count(*) from qbo_sync.entity_link where realm_id = %s", world.qbo.realm)
    for name, rows in (
        ("invoices", one.staff.invoices()),
        ("payments", one.staff.money("payment")),
        ("credits", one.staff.money("credit")),
    ):
        judgement.records[name] += len(rows)
        if len(rows) >= _READ_AT_ONCE:
            judgement.stuck.append(f"{len(rows)} {name} are more than this test can read: fewer minutes")
    judgement.records["sync errors left that tell people of something"] += len(world.errors())


def open_runs(runs: list[dict[str, Any]], now: datetime) -> set[str]:
    """Those of Airflow's DAG runs that can end, for people.

    A run whose time is still to come was created while the database's clock was ahead: Airflow starts its tasks at that
    time, so that it cannot end before.
    """
    return {
        f"{one['dag_id']} {one['dag_run_id']} ({one['state']})"
        for one in runs
        if datetime.fromisoformat(one["run_after"]) <= now
    }


class NeverQuiet(Exception):
    """The sync does not come to an end."""


class Day:
    """Some companies' people on one stack."""

    def __init__(self, house: House, home: World, people: list[People]) -> None:
        self._house, self._home, self.people = house, home, people
        #: When the last fault was over.
        self._over_since = datetime.now(UTC)

    def begin(self) -> None:
        """Webhooks are lost, come twice and in any order all day; every company's first invoices are synced."""
        address = self._house.full_environment()
        self._home.qbo.control(
            "POST",
            "webhooks",
            {
                "url": f"{address['AIRFLOW_API_URL']}/quickbooks/webhook",
                "verifier_token": address["SANDBOX_WEBHOOK_VERIFIER_TOKEN"],
                "drop_rate": 0.2,
                "duplicate_rate": 0.2,
                "reorder": True,
            },
        )
        self._until(lambda: all(self._linked(one) for one in self.people), "no company's invoices reach QuickBooks")

    def glance(self) -> str:
        """How it goes, if that can be seen at present."""
        done = sum(sum(one.done.values()) for one in self.people)
        try:
            with psycopg.connect(self._home.database_url, connect_timeout=3) as connection:
                row = connection.execute(
                    "select (select count(*) from qbo_sync.entity_link), (select count(*) from qbo_sync.change_mark)"
                ).fetchone()
        except psycopg.Error:
            row = None
        return f"{done} changes" + (f", {row[0]} linked, {row[1]} marks" if row else ", the database is away")

    def judge(self) -> Judgement:
        """Everything is switched on and answered; when it is quiet, the ledgers agree, and nothing more is written."""
        judgement = Judgement()
        ended, self._over_since = time.monotonic(), datetime.now(UTC)
        self._until(self._answers, "the stack does not answer")
        self._home.qbo.control("DELETE", "faults")
        self._home.qbo.control("POST", "limits", UNLIMITED)
        try:
            self._settle(judgement, ended)
        except NeverQuiet as never:
            judgement.stuck.append(str(never))
        for one in self.people:
            compare(one, judgement)
        if not judgement.stuck:
            self._write_nothing(judgement)
        return judgement

    def _settle(self, judgement: Judgement, ended: float) -> None:
        for one in self.people:
            one.reconnect()
            one.everything_on()
            one.put_customers_right()
        self._wait_until_quiet()
        judgement.quiet_after = time.monotonic() - ended - QUIET
        for _ in range(6):
            # What people have to answer, and what is tried again later on.
            asked = [(one, question) for one in self.people for question in one.staff.questions()]
            for one, question in asked:
                one.staff.answer(question, link=True)
            apart = [one for one in self.people if one.tell_invoices_apart()]
            waiting = sum(self._try_again_now(one.world) for one in self.people)
            if not asked and not apart and not waiting:
                break
            self._wait_until_quiet()
        for one in self.people:
            marks = f"select * from qbo_sync.change_mark m where realm_id = %s and {_NOT_REFUSED_AGAIN}"
            if left := one.world.sql(marks, one.world.qbo.realm):
                judgement.stuck.append(f"{len(left)} records wait for an answer that nobody is asked for: {left[:3]}")

    @staticmethod
    def _try_again_now(world: World) -> int:
        """As if the hours had passed after which a refused record is tried again; each of them twice."""
        return len(
            world.sql(
                "update qbo_sync.sync_error set retry_at = now() where realm_id = %s and status = 'open'"
                "   and retry_at is not null and attempts < 3 returning id",
                world.qbo.realm,
            )
        )

    def _write_nothing(self, judgement: Judgement) -> None:
        """Two more polls, and a look at every run that is still open."""
        airflow, open_before = self._airflow(), self._open_runs()
        self._home.qbo.control("POST", "stats/reset")
        time.sleep(QUIET)
        self._home.qbo.session.close()  # the sandbox ends connections that are idle for so long
        written = self._home.qbo.control("GET", "stats")["writes"]["total"]
        if written:
            judgement.disagreements.append(f"{written} more writes to QuickBooks although nothing was due")
        judgement.stuck += [f"the run {one} never ends" for one in sorted(open_before & self._open_runs())]
        if errors := airflow.get("importErrors")["import_errors"]:
            judgement.stuck.append(f"{len(errors)} DAG files cannot be imported")

    def _wait_until_quiet(self) -> None:
        began = quiet_since = moved = time.monotonic()
        before: dict[str, int] = {}
        while time.monotonic() - quiet_since < QUIET:
            due: dict[str, int] = {}
            for one in self.people:
                try:
                    due |= self._due(one.world)
                except CUT_SHORT:
                    one.reconnect()
                    due["the database"] = 1
            if due:
                quiet_since = time.monotonic()
            if due != before:
                before, moved = due, time.monotonic()
            if due and time.monotonic() > min(moved + NEVER, began + CIRCLES):
                raise NeverQuiet(f"after {time.monotonic() - began:.0f} s there is still something to do: {due}")
            time.sleep(2)

    def _due(self, world: World) -> dict[str, int]:
        realm = world.qbo.realm
        # A payment that waits for itself waits for a person, who says whether it is the same as another (rule 9).
        row = world.sql(
            "select (select count(*) from qbo_sync.lms_change) as changes,"
            "  (select count(*) from qbo_sync.change_mark m where realm_id = %s"
            "      and (waits_for_entity, waits_for_id) is distinct from (entity, record_id)"
            f"      and {_NOT_REFUSED_AGAIN}) as marks,"
            "  (select count(*) from qbo_sync.write_intent where realm_id = %s) as unfinished,"
            "  (select count(*) from qbo_sync.write_request where realm_id = %s) as requests,"
            "  (select count(*) from qbo_sync.company_trouble where realm_id = %s and failures > 0) as troubles,"
            # After a fault QuickBooks may not be asked for a quarter of an hour; only then is it known what changed.
            "  (select count(*) from qbo_sync.qbo_cursor where realm_id = %s and (compare_asked_at is not null"
            '      or captured_at not between %s and clock_timestamp())) as "not asked since"',
            *[realm] * 5,
            self._over_since,
        )[0]
        return {f"{realm}: {name}": number for name, number in row.items() if number}

    def _answers(self) -> bool:
        try:
            self._airflow()
            for one in self.people:
                one.reconnect()
                one.world.value("select 1")
        except (requests.RequestException, psycopg.Error):
            return False
        return not self._house.dead_parts()

    def _airflow(self) -> Airflow:
        address = self._house.environment()
        return Airflow(address["AIRFLOW_API_URL"], address["AIRFLOW_USERNAME"], address["AIRFLOW_PASSWORD"])

    def _open_runs(self) -> set[str]:
        runs = self._airflow().get("dags/~/dagRuns", state=["running", "queued"], limit=100)["dag_runs"]
        return open_runs(runs, datetime.now(UTC))

    @staticmethod
    def _linked(one: People) -> bool:
        return bool(
            one.world.sql("select 1 from qbo_sync.entity_link where realm_id = %s limit 1", one.world.qbo.realm)
        )

    @staticmethod
    def _until(look: Callable[[], bool], otherwise: str, seconds: float = 600) -> None:
        deadline = time.monotonic() + seconds
        while not look():
            if time.monotonic() > deadline:
                raise RuntimeError(otherwise)
            time.sleep(1)
