"""Lab staff and a bookkeeper who go on with their work whatever happens, by the actions of the random histories."""

import inspect
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import psycopg
import requests

from include.lms.database import prepare
from tests.support.ledgers.histories import Ledgers
from tests.support.quickbooks import Json
from tests.support.world import World

#: Actions by how often they are drawn. Left out are those that run DAGs, which Airflow does here, and an edit of an
#: invoice that may have been sent by then (it would stay in the LMS alone).
ACTIONS = {
    "invoice": 14, "uninvoice": 3, "pay_or_credit": 10, "apply_otherwise": 2, "apply_to_another_invoice": 2,
    "correct_an_amount": 3, "delete_money": 2, "move_a_pair": 0.5, "give_money_to_another": 1,
    "give_an_invoice_to_another": 1, "the_same_check_on_both_sides": 2, "answer_a_question": 3,
    "change_a_structure": 0.5,
    "qbo_invoice": 8, "qbo_edit_invoice": 4, "qbo_move_invoice": 1, "qbo_move_payment": 1, "qbo_move_credit": 0.5,
    "qbo_enter_an_invoice_again": 1, "qbo_remove_invoice": 3, "qbo_receive": 8, "qbo_edit_payment": 3,
    "qbo_remove_payment": 2, "qbo_credit": 2, "qbo_customer": 0.5, "link_a_customer": 1,
    "qbo_make_inactive_or_active": 0.5,
    "switch": 0.5, "direct": 0.5, "begin_on": 0.5, "receive_in": 0.5, "everything_on": 6,
}  # fmt: skip

_MONEY, _EXTRA = [Decimal("50.00"), Decimal("99.99"), Decimal("150.00")], [Decimal(0), Decimal("3.21")]
_OPTIONS: dict[str, list[Any]] = {
    "lab": [0, 1], "which": [0, 1], "price": _MONEY, "discounted": _EXTRA, "shipped": _EXTRA, "taxed": _EXTRA,
    "more": _EXTRA, "share": [30, 50, 100], "table": ["payment", "credit"], "structure": ["combined", "detailed"],
    "name": ["sync_invoices", "sync_credits", "sync_payments"], "direction": ["lms_to_qbo", "qbo_to_lms", "both"],
    "day": [None, "2026-06-10", "2026-06-18", "2026-06-25"],
}  # fmt: skip
_FLAGS = ("across", "named", "freed", "first", "seen", "link", "void", "unapply", "on")

#: What becomes of an action while everything fails: people see an error, and it is done or not.
CUT_SHORT = (psycopg.Error, requests.RequestException, AssertionError, LookupError, ValueError)

_TRANSACTIONS = ("invoice", "payment", "credit")
_NAMES = {"Invoice": "invoice", "Payment": "payment", "CreditMemo": "credit"}
#: The memo of what the bookkeeper enters.
_BY_HAND = "Entered by hand"


class People(Ledgers):
    """The two labs and the bookkeeper of one company on a running stack, whose Airflow syncs it."""

    def __init__(self, home: World, seed: int) -> None:
        super().__init__(home)
        self.rng = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.cut_short = 0
        #: Everything that was ever seen committed in the LMS, and what people wanted to be gone.
        self.seen: set[tuple[str, int]] = set()
        self.removed: set[tuple[str, int]] = set()
        self.removed_there: set[tuple[str, str]] = set()
        #: Ids of what the bookkeeper has entered, where QuickBooks said so; all of it says so in its memo, too.
        self.entered: set[tuple[str, str]] = set()
        self._token_until = 0.0
        self._watch_removals()
        self._watch_entries()
        self.world.connection = self._connect()
        self.staff.join()
        for number, pair in enumerate(self.staff.pairs):
            self.staff.invoice(self._lab(number), pair, _MONEY[0])

    def work(self, until: threading.Event, pause: Callable[[random.Random], float]) -> None:
        """One action after the other."""
        names, weights = list(ACTIONS), list(ACTIONS.values())
        while not until.wait(pause(self.rng)):
            [name] = self.rng.choices(names, weights)
            arguments = self._arguments(name)
            try:
                self.reconnect()
                getattr(self, name)(**arguments)
                self.done[name] += 1
                self._look()
            except CUT_SHORT:
                self.cut_short += 1

    def reconnect(self) -> None:
        """Where a fault has ended the connection or the clock the bookkeeper's token."""
        if self.world.connection.closed or self.world.connection.broken:
            self.world.connection = self._connect()
        if time.monotonic() > self._token_until:
            token = self.world.qbo.grant()["access_token"]
            self.world.qbo.session.headers["Authorization"] = f"Bearer {token}"
            self._token_until = time.monotonic() + 20

    def vanished(self) -> list[str]:
        """What was in the LMS once, is not any more, and nobody wanted to be gone."""
        self._look()
        found = []
        for entity in _TRANSACTIONS:
            here = {row["id"] for row in self._rows(entity)}
            gone = {one for kind, one in self.seen - self.removed if kind == entity} - here
            for row in self.world.sql(
                "select lms_id, array_remove(array_agg(distinct qbo_id), null) as theirs from qbo_sync.audit_entry"
                " where realm_id = %s and entity = %s and lms_id = any(%s) group by lms_id",
                self.world.qbo.realm,
                entity,
                list(gone),
            ):
                if any((entity, theirs) in self.removed_there for theirs in row["theirs"]):
                    gone.discard(row["lms_id"])
            found += [f"{entity} {one} is gone from the LMS" for one in sorted(gone)]
        return found

    def _connect(self) -> psycopg.Connection[Any]:
        return prepare(psycopg.connect(self.world.database_url, autocommit=True, connect_timeout=5))

    def _look(self) -> None:
        for entity in _TRANSACTIONS:
            self.seen |= {(entity, row["id"]) for row in self._rows(entity)}

    def _rows(self, entity: str) -> list[Json]:
        return self.world.sql(f"select id from lms.{entity} where billing_lab_id = any(%s)", self.staff.labs)

    def _arguments(self, name: str) -> dict[str, Any]:
        names = inspect.signature(getattr(type(self), name)).parameters
        return {one: self._draw(name, one) for one in names if one != "self"}

    def _draw(self, action: str, name: str) -> Any:
        if name in _FLAGS:
            return self.rng.random() < 0.5
        if (action, name) == ("receive_in", "lab"):
            return self.rng.choice([None, 0, 1])
        if (action, name) == ("move_a_pair", "to"):
            return self.rng.randrange(2)
        if name in ("pick", "to"):
            # Mostly among the newest: those are still on their way.
            return self.rng.choice([self.rng.randrange(1000), -1 - self.rng.randrange(12)])
        return self.rng.choice(_OPTIONS[name])

    def _watch_removals(self) -> None:
        """Whatever people try to remove may be gone afterwards, even if they never saw an answer."""
        uninvoice, delete_money = self.staff.uninvoice, self.staff.delete
        answer, delete, void = self.staff.answer, self.books.delete, self.books.void

        def uninvoiced(invoice: Json) -> None:
            self.removed.add(("invoice", invoice["id"]))
            uninvoice(invoice)

        def deleted_money(table: str, record: int) -> None:
            self.removed.add((table, record))
            delete_money(table, record)

        def answered(question: Json, *, link: bool) -> None:
            # Two payments become one: either row may be the one that goes.
            self.removed.add(("payment", question["lms_id"]))
            self.removed_there.add(("payment", str(question["detail"]["qbo_payment_id"])))
            answer(question, link=link)

        def deleted(entity: str, record: Json) -> None:
            self.removed_there.add((_NAMES[entity], record["Id"]))
            delete(entity, record)

        def voided(entity: str, record: Json) -> None:
            self.removed_there.add((_NAMES[entity], record["Id"]))
            void(entity, record)

        for owner, watched in (
            (self.staff, {"uninvoice": uninvoiced, "delete": deleted_money, "answer": answered}),
            (self.books, {"delete": deleted, "void": voided}),
        ):
            for name, function in watched.items():
                setattr(owner, name, function)

    def _watch_entries(self) -> None:
        """So that what the sync has made can be told from it."""
        call = self.world.qbo.call

        def called(path: str, body: Json | None = None, **parameters: str) -> Json:
            made = next((name for name in _NAMES if path == name.lower() and body and "Id" not in body), None)
            answer = call(path, {**body, "PrivateNote": _BY_HAND} if made and body else body, **parameters)
            if made and made in answer:
                self.entered.add((_NAMES[made], answer[made]["Id"]))
            return answer

        self.world.qbo.call = called  # type: ignore[method-assign]

    def made_twice(self) -> list[str]:
        """What has come from QuickBooks although nobody entered it there: the sync had made it, and did not know it."""
        found = []
        for entity, resource in (("invoice", "Invoice"), ("payment", "Payment")):
            rows = self.world.sql(
                f"select l.qbo_id from lms.{entity} r join qbo_sync.entity_link l on l.entity = %s and l.lms_id = r.id"
                " where l.realm_id = %s and r.origin = 'qbo'",
                entity,
                self.world.qbo.realm,
            )
            brought = {row["qbo_id"] for row in rows}
            found += [
                f"{entity} {body['Id']} was made twice in QuickBooks"
                for body in self.books.all(resource)
                if body["Id"] in brought
                and (entity, body["Id"]) not in self.entered
                and _BY_HAND not in body.get("PrivateNote", "")
            ]
        return found

    def _everything(self) -> None:
        """Airflow does it."""

    def _capture(self) -> None:
        """Airflow does it."""

    def _run(self, dag_id: str, *, finished: bool = True, resync: bool = False) -> None:
        """Airflow does it."""
