"""The step of sync_alerts as a test runs it: with the pipeline's rights, over a real connection of Airflow's."""

from collections.abc import Callable

from include.alerts.alerts import look
from include.alerts.delivery import deliver
from include.alerts.figures import emit
from include.orchestration.notify import services
from tests.support.world import World

BASE_URL = "https://airflow.labs.example"


def tell(
    world: World, monthly_calls: int = 500_000, is_running: Callable[[str, str], bool] = lambda dag_id, run_id: True
) -> int:
    """One run of the DAG: how many messages went out."""
    runtime = world.as_run("sync_alerts")
    with runtime.connect() as connection:
        look(connection, BASE_URL, monthly_calls, is_running)
        emit(connection, runtime.metrics, monthly_calls)
        connection.commit()
        return deliver(connection, services)
