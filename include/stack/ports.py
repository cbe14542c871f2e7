"""The three ports of a stack: chosen by environment variables, remembered while the stack runs."""

import json
import random
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import psutil  # type: ignore[import-untyped, unused-ignore]

from include.stack.errors import StackError

HOST = "127.0.0.1"
# Below 32768, where Linux begins to hand out ports to outgoing connections: one of those, even a closed one for a
# minute after, would keep a server from listening.
VARIABLES = {
    "postgres": ("PILOT_POSTGRES_PORT", 25432),
    "sandbox": ("PILOT_SANDBOX_PORT", 8083),
    "airflow": ("PILOT_AIRFLOW_PORT", 8080),
}
_PRIVATE = (20000, 32000)


@dataclass(frozen=True)
class Ports:
    """Where the parts of one stack listen, on 127.0.0.1 only."""

    postgres: int
    sandbox: int
    airflow: int

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Ports":
        """The ports that the environment asks for, with defaults."""
        chosen = {name: _port(environ, *VARIABLES[name]) for name in VARIABLES}
        if len(set(chosen.values())) < len(chosen):
            raise StackError("PILOT_POSTGRES_PORT, PILOT_SANDBOX_PORT and PILOT_AIRFLOW_PORT must differ")
        return cls(**chosen)

    @classmethod
    def free(cls) -> "Ports":
        """Three ports that nothing uses now, for a private stack."""
        found: set[int] = set()
        while len(found) < len(fields(cls)):
            port = random.SystemRandom().randrange(*_PRIVATE)
            if _is_free(port):
                found.add(port)
        return cls(*found)

    @classmethod
    def load(cls, path: Path) -> "Ports | None":
        """The ports of the running stack, if one was started."""
        try:
            return cls(**json.loads(path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def save(self, path: Path) -> None:
        """Remember them for `make env`, `make down` and `make demo`."""
        path.write_text(json.dumps(asdict(self)) + "\n")

    def contradicted_by(self, environ: Mapping[str, str]) -> bool:
        """Whether the environment explicitly asks for another port than one of these."""
        return any(
            variable in environ and _port(environ, variable, default) != getattr(self, name)
            for name, (variable, default) in VARIABLES.items()
        )


def require_free(name: str, port: int) -> None:
    """Raise a one-line error when something else listens on the port."""
    if not _is_free(port):
        variable = VARIABLES[name][0]
        raise StackError(
            f"port {port} is in use{_listener(port)}: choose another for {name}, "
            f"for instance {variable}={port + 100} make up"
        )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _port(environ: Mapping[str, str], variable: str, default: int) -> int:
    text = environ.get(variable) or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise StackError(f"{variable}={text} is no port number (1 to 65535)")
    return int(text)


def _listener(port: int) -> str:
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except psutil.Error:
        pass  # not ours to look at: the message does without
    return ""
