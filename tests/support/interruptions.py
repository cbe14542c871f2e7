"""Where tests break into the sync's own functions. No other module of the tests knows what those are called."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from include.qbo import cdc
from include.qbo.client import QboClient
from include.sync import capture, poll, settle


@contextmanager
def dying_as_it_records(number: int) -> Iterator[None]:
    """The worker dies (KeyboardInterrupt) while it records the outcome of this record of a load, counted from 1."""
    recorded, record_outcome = 0, settle.record_outcome

    def dies(*arguments: Any) -> None:
        nonlocal recorded
        recorded += 1
        if recorded == number:
            raise KeyboardInterrupt
        record_outcome(*arguments)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(settle, "record_outcome", dies)
        yield


@contextmanager
def capture_failing_at_its_end() -> Iterator[None]:
    """The capture's last statement fails, before it commits."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Exception, match="division"):
        patch.setattr(capture, "_RETRY", "select 1 / 0")
        yield


@contextmanager
def an_answer_that_is_unclear(*, for_one: bool) -> Iterator[None]:
    """Something in change data capture's answer could not be read: in the one for all resources together, or in each
    of those for one resource alone."""
    ask = cdc.changes

    def unclear(client: QboClient, resources: Sequence[str], since: datetime) -> cdc.Changes:
        answer = ask(client, resources, since)
        return replace(answer, unclear=answer.unclear or (len(resources) == 1) == for_one)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cdc, "changes", unclear)
        yield


@contextmanager
def after_the_comparison(then: Callable[[], None]) -> Iterator[None]:
    """The capture has compared everything and has kept nothing of it yet: then this happens."""
    compare = capture._compare_everything

    def compared(*arguments: Any) -> Any:
        found = compare(*arguments)
        then()
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(capture, "_compare_everything", compared)
        yield


@contextmanager
def after_the_answers(then: Callable[[], None]) -> Iterator[None]:
    """A poll has the answers of all companies and has kept nothing of them yet: then this happens."""
    ask = poll._ask_together

    def asked(*arguments: Any) -> None:
        ask(*arguments)
        then()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(poll, "_ask_together", asked)
        yield


@contextmanager
def own_tasks_in_a_run(number: int) -> Iterator[None]:
    """So many companies that fail get a task of their own in one run of the change capture."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(poll, "_OWN_TASKS", number)
        yield
