"""The health check of a Celery worker: it answers, or it does not."""

import socket
from collections.abc import Iterator

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker

from include.stack import worker_ping

BROKER = "memory://"


@pytest.fixture(autouse=True)
def broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CELERY__BROKER_URL_CMD", f"bash -c 'printf {BROKER}%s \"$(cat /dev/null)\"'")
    monkeypatch.setattr(worker_ping, "PATIENCE", 1.0)


@pytest.fixture
def worker(request: pytest.FixtureRequest) -> Iterator[None]:
    app = Celery(broker=BROKER, set_as_current=False)
    with start_worker(app, pool="solo", hostname=request.param, perform_ping_check=False, without_heartbeat=False):
        yield


@pytest.mark.parametrize("worker", [f"celery@{socket.gethostname()}"], indirect=True)
def test_a_worker_that_answers_is_healthy(worker: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert worker_ping.main() == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("worker", ["celery@another"], indirect=True)
def test_another_s_answer_does_not_count(worker: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert worker_ping.main() == 1
    assert capsys.readouterr().out == f"celery@{socket.gethostname()} does not answer\n"


@pytest.mark.parametrize("address", ["redis://:s3cret@127.0.0.1:1/0", "redis://:x/s3cret@127.0.0.1:1/0"])
def test_without_redis_it_says_so_without_the_password(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW__CELERY__BROKER_URL_CMD", f"printf {address}")
    assert worker_ping.main() == 1
    said = capsys.readouterr()
    assert "cannot be asked through Redis" in said.out and "s3cret" not in said.out + said.err
