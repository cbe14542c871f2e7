"""Ports: defaults, choices, and clear words when one is taken."""

import os
import socket
from pathlib import Path

import pytest

from include.stack.errors import StackError
from include.stack.ports import Ports, require_free


def test_defaults() -> None:
    assert Ports.from_environment({}) == Ports(postgres=25432, sandbox=8083, airflow=8080)


def test_chosen_by_environment() -> None:
    assert Ports.from_environment({"PILOT_AIRFLOW_PORT": "9090"}).airflow == 9090


@pytest.mark.parametrize("text", ["http", "0", "70000", "-1"])
def test_nonsense_is_named(text: str) -> None:
    with pytest.raises(StackError, match=f"PILOT_SANDBOX_PORT={text} is no port number"):
        Ports.from_environment({"PILOT_SANDBOX_PORT": text})


def test_the_same_port_twice_is_refused() -> None:
    with pytest.raises(StackError, match="must differ"):
        Ports.from_environment({"PILOT_SANDBOX_PORT": "8080"})


def test_a_port_in_use_gives_one_line_that_says_by_whom() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StackError) as caught:
            require_free("airflow", port)
    message = str(caught.value)
    assert f"port {port} is in use by process {os.getpid()}" in message
    assert "PILOT_AIRFLOW_PORT=" in message
    assert "\n" not in message


def test_are_remembered(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    assert Ports.load(path) is None
    ports = Ports(1001, 1002, 1003)
    ports.save(path)
    assert Ports.load(path) == ports
    assert ports.contradicted_by({"PILOT_AIRFLOW_PORT": "1004"})
    assert not ports.contradicted_by({"PILOT_AIRFLOW_PORT": "1003"})
    assert not ports.contradicted_by({})
