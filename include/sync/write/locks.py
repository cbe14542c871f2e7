"""The locks of the loads: one load at a time works on an entity of a company, the others wait."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

import psycopg

from include.lms.database import exclusive
from include.model.record import Entity
from include.sync.flows import Flow


def to_quickbooks(flow: Flow) -> tuple[str, str]:
    """Held by the load of a flow to QuickBooks, besides the company's id."""
    return "load", flow.names[0]


def to_lms(entity: Entity) -> tuple[str, str]:
    """Held by the load of an entity to the LMS, besides the company's id."""
    return "load into the LMS", entity


@contextmanager
def held(connection: psycopg.Connection, realm_id: str, flows: Iterable[Flow]) -> Iterator[None]:
    """Wait until no load of these flows writes to the company; the next ones wait at their very beginning."""
    with ExitStack() as stack:
        for flow in flows:
            towards_quickbooks = flow.direction == "lms_to_qbo"
            for names in [to_quickbooks(flow)] if towards_quickbooks else map(to_lms, flow.names):
                stack.enter_context(exclusive(connection, realm_id, *names))
        yield
