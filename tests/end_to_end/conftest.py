"""Both sides around a running Airflow: the LMS and QuickBooks of a private stack, and Airflow's REST API."""

from collections.abc import Iterator

import pytest

from include.stack.stack import Stack
from tests.support.airflow import Airflow
from tests.support.both_sides import Known
from tests.support.waiting import eventually
from tests.support.world import World, world_on


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
        leave(world)


@pytest.fixture(scope="package")
def known(stack: Stack) -> Iterator[Known]:
    """A lab of which QuickBooks knows a customer and an item, for several tests: before a new one's first invoice get
    there, fifteen tasks run."""
    with world_on(stack) as world:
        account, product = world.account(), world.product()
        lab = Known(world, account, world.pair(account), product)
        first = lab.invoice()
        eventually(lambda: world.link("invoice", first))
        yield lab
        leave(world)


def leave(world: World) -> None:
    """The lab stays in the database; neither is there anything to do for it any more, nor does it have the name of one
    of the page's."""
    world.disconnect()
    world.sql("update lms.billing_lab set name = 'Former lab' where id = %s", world.lab)
