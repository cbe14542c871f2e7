"""A network that can be partitioned, without root: relays between the parts of a stack and what they talk to."""

import asyncio
import threading
from collections.abc import Callable
from typing import Literal

from include.stack.ports import HOST

#: What becomes of a partition's connections: they end at once; nothing moves, and goes on where it was; the questions
#: arrive, the answers do not.
How = Literal["cut", "stalled", "answers lost"]


class Relay:
    """Listens on one port and passes everything on to another."""

    def __init__(self, port: int, target: int) -> None:
        self.port, self._target = port, target
        self._loop = asyncio.new_event_loop()
        self._open = True
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        #: Whether bytes move towards the target, and back.
        self._there, self._back = asyncio.Event(), asyncio.Event()
        self._there.set()
        self._back.set()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        if not ready.wait(10):
            raise RuntimeError(f"nothing can listen on port {port}")

    def part(self, how: How) -> None:
        """Until `heal`."""
        self._call(lambda: self._part(how))

    def heal(self, *, connections_end: bool) -> None:
        """Bytes move again: those of the old connections, too, unless these have ended meanwhile."""
        self._call(lambda: self._heal(connections_end))

    def close(self) -> None:
        """No more connections."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _part(self, how: How) -> None:
        if how == "cut":
            self._open = False
            self._end_connections()
        else:
            self._back.clear()
            if how == "stalled":
                self._there.clear()

    def _heal(self, connections_end: bool) -> None:
        if connections_end:
            self._end_connections()
        self._open = True
        self._there.set()
        self._back.set()

    def _end_connections(self) -> None:
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def _call(self, what: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(what)

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, HOST, self.port, backlog=512))
        ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.transport.abort()
            return
        self._writers.add(writer)
        try:
            await self._there.wait()
            onward, outward = await asyncio.open_connection(HOST, self._target)
        except OSError:
            self._writers.discard(writer)
            writer.transport.abort()
            return
        self._writers.add(outward)
        for source, sink, gate in ((reader, outward, self._there), (onward, writer, self._back)):
            task = self._loop.create_task(self._pass_on(source, sink, gate))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, gate: asyncio.Event) -> None:
        try:
            while data := await source.read(65536):
                await gate.wait()
                sink.write(data)
                await sink.drain()
            # A partition hides the end of a connection, too.
            await gate.wait()
            sink.close()
        except (OSError, asyncio.CancelledError):
            sink.transport.abort()
        finally:
            self._writers.discard(sink)
