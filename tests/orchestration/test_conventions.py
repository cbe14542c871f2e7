"""The DAG files as Airflow parses them: no warning, and what people read in Airflow's lists is there."""

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag

from include.orchestration.retries import OWNER
from include.stack.postgres import PROJECT


@pytest.fixture(scope="module")
def bag() -> Iterator[DagBag]:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        yield DagBag(dag_folder=str(PROJECT / "dags"))


@pytest.fixture(scope="module")
def tasks(bag: DagBag) -> list[Any]:
    return [task for dag in bag.dags.values() for task in dag.tasks]


def test_every_file_is_parsed_without_error_or_warning(bag: DagBag) -> None:
    assert len(bag.dags) == len(list((PROJECT / "dags").glob("*.py")))
    assert bag.import_errors == {}
    assert bag.captured_warnings == {}


def test_dags_and_tasks_say_what_they_are(bag: DagBag, tasks: list[Any]) -> None:
    assert all(dag.dag_display_name != dag_id and dag.doc_md and dag.tags for dag_id, dag in bag.dags.items())
    assert [task.task_id for task in tasks if task.task_display_name == task.task_id] == []
    assert {task.owner for task in tasks} == {OWNER}


def test_mapped_tasks_have_readable_names(tasks: list[Any]) -> None:
    mapped = [task for task in tasks if task.is_mapped or task.get_closest_mapped_task_group()]
    assert len(mapped) > 20
    assert [task.task_id for task in mapped if not task.map_index_template] == []
