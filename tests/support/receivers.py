"""Where alerts and metrics arrive: a real mail server, web server and StatsD port in the process of the test."""

import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Message:
    """An alert as it arrived."""

    title: str
    text: str


@dataclass
class Receiver:
    """A place where alerts arrive, and its address for Apprise."""

    address: str
    received: list[Message] = field(default_factory=list)
    #: How often somebody tried, also while it refused.
    asked: int = 0
    refuses: bool = False

    def titles(self) -> list[str]:
        """Their subject lines, in order."""
        return [one.title for one in self.received]


class _Mailbox:
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self._receiver.asked += 1
        if self._receiver.refuses:
            return "451 try again later"
        mail = message_from_bytes(envelope.content, policy=policy.default)
        body = mail.get_body(("plain", "html"))
        assert body is not None
        self._receiver.received.append(Message(str(mail["Subject"]), body.get_content()))
        return "250 OK"


@contextmanager
def mail_server() -> Iterator[Receiver]:
    """A mail server that takes everything, for boss@labs.example."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        port = free.getsockname()[1]
    receiver = Receiver(f"mailto://{HOST}:{port}/?from=pilot@labs.example&to=boss@labs.example&mode=insecure")
    server = Controller(_Mailbox(receiver), hostname=HOST, port=port)
    server.start()
    try:
        yield receiver
    finally:
        server.stop()


@contextmanager
def web_server() -> Iterator[Receiver]:
    """A web server that takes JSON webhooks; its address has a token."""

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.asked += 1
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not receiver.refuses:
                receiver.received.append(Message(body["title"], body["message"]))
            self.send_response(503 if receiver.refuses else 200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer((HOST, 0), Hook)
    receiver = Receiver(f"json://{HOST}:{server.server_port}/hook/{TOKEN}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()


#: In the address of the web server: nothing may show it.
TOKEN = "t0ken-of-the-webhook"


def connection_to(receivers: Sequence[Receiver]) -> str:
    """Airflow's connection `pilot_alerts`, as an environment variable has it."""
    addresses = [{"path": one.address} for one in receivers]
    return json.dumps({"conn_type": "apprise", "extra": {"config": addresses}})


@contextmanager
def statsd() -> Iterator["StatsD"]:
    """A StatsD port that listens."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as port:
        port.bind((HOST, 0))
        # Datagrams wait in the kernel until the test reads them.
        port.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        yield StatsD(port)


class StatsD:
    """What has arrived there."""

    def __init__(self, port: socket.socket) -> None:
        """`port`: a bound one."""
        self._socket = port
        self.port: int = port.getsockname()[1]

    def received(self, seconds: float = 0.3) -> list[str]:
        """The lines that have come, until none comes for a while: `name,tag=value:1|c`."""
        self._socket.settimeout(seconds)
        lines = []
        while True:
            try:
                lines += self._socket.recv(65_535).decode().splitlines()
            except TimeoutError:
                return lines
