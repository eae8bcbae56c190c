"""A TCP proxy that can be severed: what runs through it stands still, and nothing tells either side why."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

CHUNK = 1 << 16
SETTLES = 0.1
"""Seconds in which what was closed goes."""


class Proxy:
    """Passes bytes from one port on loopback to another, as long as it is whole."""

    def __init__(self, port: int, to: int) -> None:
        self._port, self._to = port, to
        self._whole = asyncio.Event()
        self._whole.set()
        self._passing: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)

    async def end(self) -> None:
        self._server.close()
        passing = list(self._passing)
        self.mend()
        await asyncio.gather(*passing, return_exceptions=True)
        await asyncio.sleep(SETTLES)

    def sever(self) -> None:
        """From now on nothing passes; connections stay open, new ones are taken and not answered."""
        self._whole.clear()

    def mend(self) -> None:
        """What was open breaks off, as it does when a cut is found out; new connections pass."""
        for task in self._passing:
            task.cancel()
        self._whole.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._passing.add(task)
        try:
            await self._whole.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._to)
            ways = [
                asyncio.ensure_future(way) for way in (self._pass(reader, far_writer), self._pass(far_reader, writer))
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
                far_writer.close()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._passing.discard(task)
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while some := await reader.read(CHUNK):
            await self._whole.wait()
            writer.write(some)
            await writer.drain()


class Line:
    """Proxies in a thread of their own; severed and mended from any other."""

    def __init__(self, ways: Sequence[tuple[int, int]]) -> None:
        self._loop = asyncio.new_event_loop()
        self._proxies = [Proxy(port, to) for port, to in ways]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def open(self) -> None:
        self._thread.start()
        for proxy in self._proxies:
            asyncio.run_coroutine_threadsafe(proxy.serve(), self._loop).result(5)

    def sever(self, number: int) -> None:
        """Severs the proxy of that number, from 1."""
        self._loop.call_soon_threadsafe(self._proxies[number - 1].sever)

    def mend(self, number: int) -> None:
        self._loop.call_soon_threadsafe(self._proxies[number - 1].mend)

    def close(self) -> None:
        for proxy in self._proxies:
            asyncio.run_coroutine_threadsafe(proxy.end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


@contextmanager
def line(ways: Sequence[tuple[int, int]]) -> Iterator[Line]:
    """Proxies from the first port of each pair to the second, as long as the block lasts."""
    opened = Line(ways)
    opened.open()
    try:
        yield opened
    finally:
        opened.close()
