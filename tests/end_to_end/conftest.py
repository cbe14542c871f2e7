"""Both sides around a running Airflow: the LMS and QuickBooks of a private stack, and Airflow's REST API."""

from collections.abc import Iterator

import pytest

from include.stack.ports import Ports
from include.stack.stack import Stack
from tests.support.airflow import Airflow
from tests.support.world import World, world_on


@pytest.fixture(scope="package")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A whole private stack, Airflow included. Ends with these tests: an idle Airflow costs a quarter of a core."""
    private = Stack(tmp_path_factory.mktemp("stack"), Ports.free())
    private.up()
    yield private
    private.down()


@pytest.fixture(scope="package")
def airflow(stack: Stack) -> Airflow:
    """The private stack's Airflow."""
    address = stack.environment()
    return Airflow(address["AIRFLOW_API_URL"], address["AIRFLOW_USERNAME"], address["AIRFLOW_PASSWORD"])


@pytest.fixture
def live(stack: Stack) -> Iterator[World]:
    """A lab of its own on the private stack, whose Airflow syncs it by itself."""
    with world_on(stack) as world:
        yield world
        # The lab stays in the database; what it left behind must not keep the DAGs busy.
        world.sql("update qbo_sync.connection set direction = 'lms_to_qbo', sync_invoices = false")
