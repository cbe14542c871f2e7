"""Airflow's own database of a running stack: what no API of Airflow lets a test do."""

import psycopg

from include.stack.stack import Stack


def deadline_is_now(stack: Stack, run_id: str) -> bool:
    """As if the run had used up its time; False if it has no deadline yet, or none any more."""
    address = stack.full_environment()["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "")
    with psycopg.connect(address) as connection:
        moved = connection.execute(
            "update deadline set deadline_time = now()"
            " where not missed and dagrun_id = (select id from dag_run where run_id = %s)",
            [run_id],
        )
        return moved.rowcount == 1


def versions_of(stack: Stack, dag_id: str) -> int:
    """How many versions of the DAG Airflow has seen."""
    address = stack.full_environment()["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "")
    with psycopg.connect(address) as connection:
        row = connection.execute("select count(*) from dag_version where dag_id = %s", [dag_id]).fetchone()
        return int(row[0]) if row else 0
