"""The key of the tokens is changed while everything runs; a key that is missing costs no company its connection."""

from dataclasses import replace

import pytest
from airflow.sdk import RetryAction
from cryptography.fernet import Fernet, InvalidToken
from psycopg import Connection

from include.company.tokens import TokenVault
from include.orchestration.retries import POLICY, RETRIES
from include.qbo.errors import WrongKey
from tests.support.world import World


def keyed(world: World, *keys: str) -> None:
    """As after a restart with these keys."""
    world.runtime = replace(world.runtime, vault=TokenVault(",".join(keys)))


def expire(world: World) -> None:
    """The access token is at its end: the next request refreshes it."""
    world.sql("update qbo_sync.company set access_token_expires_at = now()")


def sealed(connection: Connection) -> tuple[bytes, bytes]:
    row = connection.execute("select access_token_encrypted, refresh_token_encrypted from qbo_sync.company").fetchone()
    assert row
    return bytes(row[0]), bytes(row[1])


def test_a_new_key_takes_over_with_the_next_refresh_and_the_old_one_can_go(world: World) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    keyed(world, old)
    world.connect(world.lab, world.qbo)
    account = world.account()
    world.simple_invoice(account)
    world.sync()
    before = sealed(world.connection)

    keyed(world, new, old)
    world.simple_invoice(account)
    world.sync()
    assert sealed(world.connection) == before, "it is still good, and still the old key's"
    expire(world)
    world.simple_invoice(account)
    world.sync()
    for one in sealed(world.connection):
        assert Fernet(new).decrypt(one)
        with pytest.raises(InvalidToken):
            Fernet(old).decrypt(one)

    keyed(world, new)
    world.simple_invoice(account)
    expire(world)
    world.sync()
    assert len(world.qbo.all("Invoice")) == 4


@pytest.mark.parametrize("fresh", [True, False], ids=["access token still good", "to be refreshed"])
def test_without_the_key_the_company_keeps_its_connection(world: World, fresh: bool) -> None:
    world.simple_invoice()
    vault = world.runtime.vault
    before = sealed(world.connection)
    if not fresh:
        expire(world)
    keyed(world, Fernet.generate_key().decode())
    with pytest.raises(WrongKey, match="PILOT_TOKEN_KEY") as failed:
        world.run()
    assert POLICY.evaluate(failed.value, 1, RETRIES).action is RetryAction.FAIL
    assert world.value("select status from qbo_sync.company") == "connected"
    assert sealed(world.connection) == before

    world.runtime = replace(world.runtime, vault=vault)
    world.sync()
    assert len(world.qbo.all("Invoice")) == 1 and world.errors() == []
