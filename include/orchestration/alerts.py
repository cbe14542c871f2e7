"""The task of sync_alerts: what people have to know, and how things stand."""

from airflow.sdk import conf, get_current_context, task

from include.orchestration.polling import poll_settings
from include.orchestration.retries import BY_A_LATER_RUN


def base_url() -> str:
    """Airflow's public address, for links in messages."""
    return str(conf.get("api", "base_url", fallback="http://localhost:8080")).rstrip("/")


@task(task_display_name="Tell people, emit metrics", retry_policy=BY_A_LATER_RUN)
def tell() -> dict[str, int]:
    """Find what is worth an alert, emit the metrics, and send what is new or over."""
    from include.alerts.alerts import look
    from include.alerts.delivery import deliver, send_test
    from include.alerts.figures import emit
    from include.orchestration.metrics import AirflowMetrics
    from include.orchestration.notify import services
    from include.orchestration.runtime import open_lms

    if get_current_context()["params"]["test_message"]:
        return {"messages": send_test(services)}
    monthly_calls = poll_settings().monthly_calls
    # The database alone: people are told also while the keys of QuickBooks or of the tokens cannot be used.
    with open_lms()() as connection:
        look(connection, base_url(), monthly_calls, is_running)
        emit(connection, AirflowMetrics(), monthly_calls)
        connection.commit()
        return {"messages": deliver(connection, services)}


def is_running(dag_id: str, run_id: str) -> bool:
    """Whether the run has not ended, by Airflow; one that it does not know any more has."""
    from airflow.sdk.exceptions import AirflowRuntimeError

    try:
        return get_current_context()["ti"].get_dagrun_state(dag_id, run_id) in ("queued", "running")
    except AirflowRuntimeError:
        return False
