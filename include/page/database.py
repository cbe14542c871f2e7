"""The page's way to the LMS database and to QuickBooks."""

import logging
from collections.abc import Iterator
from typing import Annotated, Any

import psycopg
from airflow.exceptions import AirflowNotFoundException
from fastapi import Depends, HTTPException
from psycopg.rows import DictRow, dict_row

from include.company.runtime import Run, Runtime
from include.orchestration.runtime import PAGE_CONNECTION_ID
from include.orchestration.runtime import runtime as airflow_runtime

log = logging.getLogger(__name__)
Row = dict[str, Any]


def page_runtime() -> Runtime:
    """A runtime whose API calls are recorded as the page's. 503 where the Airflow connections are not made yet."""
    try:
        return airflow_runtime(Run(dag_id="quickbooks_page", run_id="page"), PAGE_CONNECTION_ID)
    except (AirflowNotFoundException, KeyError, ValueError) as missing:
        log.warning("the page is not set up: %s", missing)
        raise HTTPException(503, detail="setup") from None


PageRuntime = Annotated[Runtime, Depends(page_runtime)]


def database(runtime: PageRuntime) -> Iterator[psycopg.Connection]:
    """A connection for one request; what it does not commit is rolled back."""
    with runtime.connect() as connection:
        try:
            yield connection
        finally:
            connection.rollback()


Database = Annotated[psycopg.Connection[Any], Depends(database)]


def rows(connection: psycopg.Connection, statement: str, parameters: Any = ()) -> list[DictRow]:
    """The rows of a query as dicts."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement.encode(), parameters).fetchall()


def row(connection: psycopg.Connection, statement: str, parameters: Any = ()) -> DictRow | None:
    """The first row of a query, if there is one."""
    found = rows(connection, statement, parameters)
    return found[0] if found else None
