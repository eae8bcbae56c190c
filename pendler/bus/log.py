"""The bus on one machine: a log in SQLite, durable and replayable, with consumer groups, for several processes.

`log.db` holds the records of every topic in one order; `positions.db` holds the groups' positions, apart, so that
a consumer never waits for a producer's lock. One member a group and topic: a file lock, freed by any death.
"""

import asyncio
import fcntl
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import IO, TypeVar

import orjson
import structlog

from pendler.bus import Delivery, Record, Span, encode, failpoint
from pendler.metrics import WAITING
from pendler.service import Unavailable
from pendler.sqlite import connect, insert, select, transaction, writable
from schemas.event import EVENTS, Erased, Event

log = structlog.get_logger()
WAKE = 0.02
AWAY = 1.0
SCAN = 1000
TOMBSTONE_DAYS, DEAD_DAYS = 30, 30
T = TypeVar("T")

LOG = """
CREATE TABLE IF NOT EXISTS log (offset INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, key TEXT NOT NULL,
    value BLOB, headers TEXT NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS by_topic ON log (topic, offset);
CREATE INDEX IF NOT EXISTS by_key ON log (topic, key, offset);
CREATE TABLE IF NOT EXISTS epoch (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL);
INSERT OR IGNORE INTO epoch VALUES (1, lower(hex(randomblob(6))));
"""
POSITIONS = "CREATE TABLE IF NOT EXISTS positions (name TEXT PRIMARY KEY, offset INTEGER NOT NULL) WITHOUT ROWID"


class LogBus:
    """See `pendler.bus.Bus`."""

    def __init__(self, directory: str) -> None:
        self._directory = Path(directory)
        self._writer, self._reader = ThreadPoolExecutor(1, "bus-write"), ThreadPoolExecutor(1, "bus-read")
        self._log = connect(self._directory / "log.db", LOG)
        self._read = connect(self._directory / "log.db", LOG)
        self._positions = connect(self._directory / "positions.db", POSITIONS)

    async def _on(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, work)
        except sqlite3.OperationalError as error:
            raise Unavailable(f"the log in {self._directory}: {error}") from error

    async def publish(self, events: Sequence[Event | Erased]) -> None:
        await self.put([encode(event) for event in events])

    async def put(self, records: Sequence[Record]) -> None:
        if records:
            await self._on(self._writer, partial(self._append, records))

    def _append(self, records: Sequence[Record]) -> None:
        now = time.time()
        rows = [(r.topic, r.key, r.value, orjson.dumps(r.headers).decode(), now) for r in records]
        with transaction(self._log):
            insert(self._log, "log (topic, key, value, headers, at)", rows)

    async def consume(self, group: str, topic: str, deliver: Delivery, stop: asyncio.Event) -> None:
        with self._lock(group, topic) as lock:
            if not await _sole_member(lock.fileno(), stop):
                return
            while not stop.is_set():
                try:
                    if batch := await self._batch(group, topic, deliver, stop):
                        await deliver(batch)
                        await self._on(self._reader, partial(self._commit, group, topic, batch[-1].offset))
                        failpoint(f"{group}.committed")
                    WAITING.labels(group, topic).set(0)
                except Unavailable as away:
                    log.warning("waiting", group=group, topic=topic, away=str(away))
                    WAITING.labels(group, topic).set(1)
                    await _sleep(AWAY, stop)

    def _lock(self, group: str, topic: str) -> IO[str]:
        return (self._directory / f"{group}.{topic}.lock").open("w")

    async def _batch(self, group: str, topic: str, deliver: Delivery, stop: asyncio.Event) -> list[Record]:
        size, until = deliver.handler.size, time.monotonic() + deliver.handler.linger
        at = await self._on(self._reader, partial(self._position, group, topic))
        while not stop.is_set():
            there = await self._on(self._reader, partial(self._count, topic, at, size))
            if there == size or (there and time.monotonic() >= until):
                return await self._on(self._reader, partial(self._after, topic, at, size))
            await _sleep(WAKE, stop)
            until = until if there else time.monotonic() + deliver.handler.linger
        return []

    def _count(self, topic: str, offset: int, most: int) -> int:
        """How many records lie past an offset. What is waited for is counted, and read once."""
        some = "SELECT 1 FROM log WHERE topic = ? AND offset > ? LIMIT ?"
        return int(self._read.execute(f"SELECT count(*) FROM ({some})", (topic, offset, most)).fetchone()[0])

    def _after(self, topic: str, offset: int, limit: int, key: str | None = None) -> list[Record]:
        where, args = ("AND key = ?", (key,)) if key is not None else ("", ())
        among = f"FROM log WHERE topic = ? AND offset > ? {where} ORDER BY offset LIMIT ?"
        columns = ["offset", "key", "hex(value)", "value IS NULL", "headers", "at"]
        rows = select(self._read, columns, among, [topic, offset, *args, limit])
        return [
            Record(topic, 0, at, name, None if erased else bytes.fromhex(value), orjson.loads(headers), when)
            for at, name, value, erased, headers, when in rows
        ]

    def _position(self, group: str, topic: str) -> int:
        row = self._positions.execute("SELECT offset FROM positions WHERE name = ?", (f"{group} {topic}",)).fetchone()
        return row[0] if row else 0

    def _commit(self, group: str, topic: str, offset: int) -> None:
        self._positions.execute("REPLACE INTO positions VALUES (?, ?)", (f"{group} {topic}", offset))

    async def scan(
        self, topic: str, past: str | None = None, key: str | None = None, after: Mapping[int, int] | None = None
    ) -> AsyncIterator[Record]:
        at = await self._on(self._reader, lambda: self._position(past, topic)) if past else (after or {}).get(0, 0)
        while batch := await self._on(self._reader, partial(self._after, topic, at, SCAN, key)):
            for record in batch:
                yield record
            at = batch[-1].offset

    async def span(self, topic: str) -> Span:
        return await self._on(self._reader, partial(self._span, topic))

    def _span(self, topic: str) -> Span:
        [(epoch,)] = self._read.execute("SELECT id FROM epoch")
        [(last,)] = self._read.execute("SELECT max(offset) FROM log WHERE topic = ?", (topic,))
        return Span(epoch, {} if last is None else {0: last})

    async def lag(self, group: str, topic: str) -> int:
        count = "SELECT count(*) FROM log WHERE topic = ? AND offset > ?"
        return await self._on(
            self._reader,
            lambda: int(self._read.execute(count, (topic, self._position(group, topic))).fetchone()[0]),
        )

    async def rewind(self, group: str, topic: str) -> None:
        with self._lock(group, topic) as lock:
            if not _locked(lock.fileno()):
                raise ValueError(f"group {group} still has a member: stop it, then rewind")
            await self._on(self._reader, partial(self._commit, group, topic, 0))

    async def compact(self) -> None:
        await self._on(self._writer, self._compact)

    def _compact(self) -> None:
        now = time.time()
        for topic in (event.topic for event in EVENTS.values()):
            if topic.retention_days is not None:
                self._drop(f"topic = '{topic.name}' AND at < {now - topic.retention_days * 86400}")
            else:
                newer = "SELECT 1 FROM log newer WHERE newer.topic = log.topic AND newer.key = log.key"
                self._drop(f"topic = '{topic.name}' AND EXISTS ({newer} AND newer.offset > log.offset)")
                self._drop(f"topic = '{topic.name}' AND value IS NULL AND at < {now - TOMBSTONE_DAYS * 86400}")

        self._drop(f"topic LIKE '%.dead' AND at < {now - DEAD_DAYS * 86400}")

    def _drop(self, where: str) -> None:
        with transaction(self._log):
            self._log.execute(f"DELETE FROM log WHERE {where}")

    async def check(self) -> str:
        await self._on(self._writer, partial(writable, self._log))
        return f"SQLite log, {self._directory}"

    async def close(self) -> None:
        self._writer.shutdown()
        self._reader.shutdown()
        for connection in (self._log, self._read, self._positions):
            connection.close()


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _sole_member(lock: int, stop: asyncio.Event) -> bool:
    while not stop.is_set():
        if _locked(lock):
            return True
        await _sleep(0.1, stop)
    return False


async def _sleep(seconds: float, stop: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
