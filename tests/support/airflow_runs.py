"""As a process: some runs of the DAG `history` in the Airflow of the environment, so that it has a history."""

import sys
from pathlib import Path

DAG_FILE = """
from airflow.sdk import dag, task

@dag(dag_id="history")
def history():
    @task
    def first():
        return {"a count": 7}

    @task
    def second(counted):
        return counted

    second(first())

history()
"""


def write_dag(folder: Path) -> None:
    """The DAG that is run."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "history.py").write_text(DAG_FILE)


def main(folder: str, count: int) -> None:
    """Run it."""
    from airflow.dag_processing.dagbag import DagBag

    dag = DagBag(dag_folder=folder).dags["history"]
    for _ in range(count):
        dag.test()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
