"""The functions of the DAGs' tasks, called without Airflow around them."""

from types import SimpleNamespace

import pytest

from include.orchestration import capture, company_check, tasks, this_run, told
from tests.support.world import World


def pretend_airflow(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    dag_id: str,
    *,
    run_type: str = "manual",
    clear_number: int = 0,
    **params: object,
) -> None:
    """The tasks' functions, as those of a run of the DAG."""
    own = world.as_run(dag_id)
    run = SimpleNamespace(dag_id=dag_id, run_id="r1", run_type=run_type, clear_number=clear_number)
    context = {
        "dag_run": run,
        "ti": SimpleNamespace(xcom_push=lambda key, value: None),
        "params": {"realm_id": None, "resync": False, "release_held": False, "dry_run": False, **params},
    }
    for module in (tasks, capture, company_check, this_run, told):
        monkeypatch.setattr(module, "get_current_context", lambda: context)
    monkeypatch.setattr("include.orchestration.runtime.runtime", lambda run: own)
