"""One project of docker-compose.yaml: up, down, and what a test needs to see and to break."""

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import psycopg

from include.stack.ports import Ports
from include.stack.postgres import PROJECT
from tests.compose.engine import Engine, say

NAME = "pilot-compose-test"
#: Where a container of the test's own has the secrets that no service has together.
MORE_SECRETS = "/run/more-secrets"
BUILD, STARTED, HEALTHY = 1800, 900, 300.0  # seconds that each may take


def wait(what: str, is_so: Callable[[], bool], seconds: float = HEALTHY) -> float:
    """Until it is so: the seconds that it took."""
    begun = time.monotonic()
    while not is_so():
        if time.monotonic() - begun > seconds:
            raise RuntimeError(f"after {seconds:.0f} s, still not: {what}")
        time.sleep(0.5)
    return time.monotonic() - begun


class Stack:
    """The services of a profile, in volumes and networks of their own."""

    def __init__(self, engine: Engine, profile: str, folder: Path, bases: Mapping[str, str]) -> None:
        self._engine = engine
        self._folder = folder
        self.log = folder / "docker.log"
        self.secrets = folder / "secrets"
        self.ports = Ports.free()
        self.flower_port = Ports.free().airflow
        self.versions: list[str] = []
        self.environment = {
            **bases,
            "COMPOSE_PROFILES": "sandbox,webhooks,celery" if profile == "celery" else "sandbox,webhooks",
            "PILOT_SANDBOX_WEBHOOK_URL": "http://webhooks:8085/quickbooks/webhook",
            "PILOT_EXECUTOR": "CeleryExecutor" if profile == "celery" else "LocalExecutor",
            "PILOT_SECRETS": str(self.secrets),
            "PILOT_POSTGRES_PORT": str(self.ports.postgres),
            "PILOT_SANDBOX_PORT": str(self.ports.sandbox),
            "PILOT_AIRFLOW_PORT": str(self.ports.airflow),
            "PILOT_FLOWER_PORT": str(self.flower_port),
            "OAUTHLIB_INSECURE_TRANSPORT": "1",
            "DOCKER_BUILDKIT": "0" if bases else os.environ.get("DOCKER_BUILDKIT", "1"),
        }
        self._files = [PROJECT / "docker-compose.yaml"]
        if bases:
            override = folder / "build.yaml"
            override.write_text(json.dumps({"services": {"airflow-init": {"build": {"network": "host"}}}}))
            self._files.append(override)
        make_secrets = [str(PROJECT / "config" / "docker-secrets.sh"), "--sandbox", str(self.secrets)]
        subprocess.run(make_secrets, check=True, stdout=subprocess.DEVNULL)

    def _command(self) -> list[str]:
        files = [part for path in self._files for part in ("--file", str(path))]
        start = ["compose", "--project-name", NAME, "--project-directory", str(PROJECT), "--env-file", os.devnull]
        return [*start, *files]

    def compose(self, *arguments: str, log: Path | None = None) -> str:
        """docker compose …, without the .env of the checkout."""
        return self._engine.docker(*self._command(), *arguments, environment=self.environment, log=log)

    def build(self, version: str) -> None:
        """The image, under the name of this version from now on."""
        begun = time.monotonic()
        self.environment["PILOT_VERSION"] = version
        self.versions.append(version)
        self.compose("build", "airflow-init", log=self.log)
        say(f"Image pilot-qbo-sync:{version} built in {time.monotonic() - begun:.0f} s")

    def up(self) -> None:
        """Start, or start anew, what is not as the file says, and wait for every health check."""
        begun = time.monotonic()
        self.compose("up", "--detach", "--no-build", "--wait", "--wait-timeout", str(STARTED), log=self.log)
        say(f"Up, every health check passes, in {time.monotonic() - begun:.0f} s:")
        for each in self.containers():
            limits = f"{each['HostConfig']['Memory'] >> 20} MB, {each['HostConfig']['NanoCpus'] / 1e9:g} CPU"
            say(f"  {each['Name'][1:]:<36} {self.health(each):<10} at most {limits}")

    def start_in(self, service: str, script: str, secrets: Sequence[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
        """Run a shell script in one more container of that service, which has these secrets too."""
        # File by file: nobody but their owner gets into the folder.
        volumes = [part for name in secrets for part in ("--volume", f"{self.secrets / name}:{MORE_SECRETS}/{name}:ro")]
        options = ["--rm", "--no-TTY", "--no-deps", "--entrypoint", "bash", *volumes]
        arguments = ["run", *options, service, "-euc", script]
        return subprocess.Popen(
            ["docker", *self._command(), *arguments],
            env={**self._engine.environment, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )

    def keep_logs(self, path: Path) -> None:
        """What all services have said, for whoever looks for the cause of a failure."""
        with contextlib.suppress(RuntimeError):
            self.compose("ps", "--all", log=path)
            self.compose("logs", "--no-color", "--timestamps", log=path)

    def containers(self) -> list[dict[str, Any]]:
        """All running ones, as docker inspect tells of them."""
        ids = self.compose("ps", "--quiet").split()
        found: list[dict[str, Any]] = json.loads(self._engine.docker("inspect", *ids)) if ids else []
        return sorted(found, key=lambda each: str(each["Name"]))

    def container(self, service: str) -> dict[str, Any]:
        """The first of a service."""
        return next(each for each in self.containers() if each["Name"] == f"/{NAME}-{service}-1")

    @staticmethod
    def health(container: Mapping[str, Any]) -> str:
        """What its health check says."""
        return str(container["State"].get("Health", {}).get("Status", "no check"))

    def is_healthy(self) -> bool:
        """Whether everything runs and every check passes."""
        return all(self.health(each) == "healthy" and each["State"]["Running"] for each in self.containers())

    def kill(self, service: str) -> None:
        """Kill its first process from outside, as the kernel does when memory is short; Docker must start it again.

        `docker kill` would not do: what a person ends stays ended.
        """
        before = self.container(service)
        self._engine.docker(
            "run", "--rm", "--pid", "host", "--user", "0", "--entrypoint", "bash",
            before["Config"]["Image"], "-c", f"kill -9 {before['State']['Pid']}",
        )  # fmt: skip
        killed = time.monotonic()

        def is_back() -> bool:
            now = self._inspect(before["Id"])
            return bool(now["State"]["Running"]) and now["RestartCount"] > before["RestartCount"]

        wait(f"{service} runs again", is_back)
        wait(f"{service} is healthy again", lambda: self.health(self._inspect(before["Id"])) == "healthy")
        say(f"{service} killed; back and healthy after {time.monotonic() - killed:.0f} s, by its restart policy")

    def _inspect(self, container_id: str) -> dict[str, Any]:
        [found] = json.loads(self._engine.docker("inspect", container_id))
        return dict(found)

    def secret(self, name: str) -> str:
        """The content of a secret's file."""
        return (self.secrets / name).read_text().strip()

    @contextmanager
    def database(self, name: str = "lms", role: str = "pilot") -> Iterator[psycopg.Connection]:
        """A connection by the published port, as the owner of the database."""
        file = {"pilot": "pilot_database_password", "airflow": "airflow_database_password"}[role]
        with psycopg.connect(
            host="127.0.0.1", port=self.ports.postgres, dbname=name, user=role, password=self.secret(file),
            autocommit=True, connect_timeout=5,
        ) as connection:  # fmt: skip
            yield connection

    def down(self) -> None:
        """Stop and remove all of it; what is left is a failure."""
        begun = time.monotonic()
        self.compose("down", "--volumes", "--remove-orphans", log=self.log)
        label = f"label=com.docker.compose.project={NAME}"
        left = {
            "containers": self._engine.docker("ps", "--all", "--quiet", "--filter", label),
            "volumes": self._engine.docker("volume", "ls", "--quiet", "--filter", label),
            "networks": self._engine.docker("network", "ls", "--quiet", "--filter", label),
        }
        for version in self.versions:
            with contextlib.suppress(RuntimeError):  # it was not built
                self._engine.docker("image", "rm", f"pilot-qbo-sync:{version}")
        if any(left.values()):
            raise RuntimeError(f"left behind: {left}")
        say(f"Down in {time.monotonic() - begun:.0f} s: no container, volume or network is left")
