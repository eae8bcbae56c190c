"""The store on one machine: SQLite, a table a collection, declared fields as columns of their own."""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import orjson

from pendler.service import Unavailable
from pendler.sqlite import connect, insert, select, transaction, writable
from pendler.store import Collection, Doc, Range, refuse_undeclared

T = TypeVar("T")
Row = tuple[Any, ...]
Allowed = Callable[[Mapping[str, int | None], str], bool]


@dataclass(eq=False)
class Write:
    """What is to be written, and what came of it."""

    collection: Collection
    work: Callable[[], Any]
    result: Any = None
    done: bool = False


class SqliteStore:
    """See `pendler.store.Store`. One thread of its own does all the work, so no loop ever waits for the disk.

    Writes that come while others are under way are committed together: the disk is waited for once.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, "store")
        self._connection = connect(Path(path))
        self._ready: set[str] = set()
        self._writes: deque[Write] = deque()

    async def _run(self, collection: Collection, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._guarded, collection, work)

    async def _commit(self, collection: Collection, work: Callable[[], T]) -> T:
        """Does `work` within a transaction, which may be shared; returns once it is on the disk."""
        mine = Write(collection, work)
        self._writes.append(mine)
        await self._run(collection, partial(self._take_turn, mine))
        return mine.result  # type: ignore[no-any-return]

    def _take_turn(self, mine: Write) -> None:
        """The first does the work of all that wait. Where that fails, each in its turn pays for itself alone."""
        if mine.done:
            return
        waiting = [self._writes.popleft() for _ in range(len(self._writes))]
        try:
            self._write_all([mine, *(each for each in waiting if each is not mine)])
        except (sqlite3.Error, KeyError):  # KeyError: a guarded document without a version
            self._write_all([mine])

    def _write_all(self, writes: Sequence[Write]) -> None:
        for collection in {each.collection for each in writes}:
            self._prepare(collection)
        with transaction(self._connection):
            for each in writes:
                each.result = each.work()
        for each in writes:
            each.done = True

    def _guarded(self, collection: Collection, work: Callable[[], T]) -> T:
        try:
            self._prepare(collection)
            return work()
        except sqlite3.OperationalError as error:
            raise Unavailable(f"the store {self._path}: {error}") from error

    def _prepare(self, collection: Collection) -> None:
        if collection.name not in self._ready:
            self._create(collection)

    def _create(self, collection: Collection) -> None:
        name, fields = collection.name, "".join(f', "f_{field}"' for field in collection.fields)
        with transaction(self._connection):
            self._connection.execute(
                f'CREATE TABLE IF NOT EXISTS "{name}" '
                f"(key TEXT PRIMARY KEY, version INTEGER, doc TEXT NOT NULL{fields})"
            )
            self._add_columns(collection)
            for field in collection.fields:
                self._connection.execute(f'CREATE INDEX IF NOT EXISTS "{name}_{field}" ON "{name}" ("f_{field}", key)')
        self._ready.add(name)

    def _add_columns(self, collection: Collection) -> None:
        """Fields that were declared after the table was made, filled from the documents that are there."""
        there = {row[1] for row in self._connection.execute(f'PRAGMA table_info("{collection.name}")')}
        for field in collection.fields:
            if f"f_{field}" not in there:
                self._connection.execute(f'ALTER TABLE "{collection.name}" ADD COLUMN "f_{field}"')
                self._connection.execute(
                    f'UPDATE "{collection.name}" SET "f_{field}" = json_extract(doc, ?)', (f"$.{field}",)
                )

    async def get(self, collection: Collection, keys: Sequence[str]) -> dict[str, Doc]:
        found = await self._run(collection, lambda: self._keyed(collection, "doc", keys))
        return {key: orjson.loads(doc) for key, doc in found}

    def _keyed(self, collection: Collection, column: str, keys: Iterable[str]) -> list[list[Any]]:
        wanted = orjson.dumps(list(keys)).decode()
        among = f'FROM "{collection.name}" WHERE key IN (SELECT value FROM json_each(?))'
        return select(self._connection, ["key", column], among, [wanted])

    async def insert(self, collection: Collection, docs: Mapping[str, Doc]) -> set[str]:
        rows = _rows(collection, docs)
        return await self._commit(
            collection, lambda: self._write(collection, rows, lambda there, key: key not in there)
        )

    async def put(self, collection: Collection, docs: Mapping[str, Doc], guard: bool = False) -> set[str]:
        def newer(there: Mapping[str, int | None], key: str) -> bool:
            stored = there.get(key)
            return stored is None or stored < docs[key]["version"]

        rows = _rows(collection, docs)
        return await self._commit(collection, lambda: self._write(collection, rows, newer if guard else None))

    def _write(self, collection: Collection, rows: Sequence[Row], allowed: Allowed | None) -> set[str]:
        """Writes what `allowed` lets through, given the versions of the documents that are there."""
        columns = ["version", "doc", *(f'"f_{field}"' for field in collection.fields)]
        update = "ON CONFLICT (key) DO UPDATE SET " + ", ".join(f"{c} = excluded.{c}" for c in columns)
        there = dict(self._keyed(collection, "version", [row[0] for row in rows])) if allowed else {}
        let = [row for row in rows if allowed is None or allowed(there, row[0])]
        insert(self._connection, f'"{collection.name}"', let, update)
        return {row[0] for row in let}

    async def delete(self, collection: Collection, keys: Sequence[str]) -> None:
        await self._commit(collection, lambda: self._delete(collection, keys))

    def _delete(self, collection: Collection, keys: Sequence[str]) -> None:
        statement = f'DELETE FROM "{collection.name}" WHERE key = ?'
        self._connection.executemany(statement, [(key,) for key in keys])

    async def find(
        self,
        collection: Collection,
        where: Mapping[str, Any] | None = None,
        within: Range | None = None,
        limit: int = 1000,
        past: str = "",
    ) -> list[tuple[str, Doc]]:
        conditions, values = _conditions(collection, where or {}, within)
        order = f'"f_{within.field}", key' if within else "key"
        among = f'FROM "{collection.name}" WHERE {conditions} AND key > ? ORDER BY {order} LIMIT ?'
        work = partial(select, self._connection, ["key", "doc"], among, [*values, past, limit])
        return [(key, orjson.loads(doc)) for key, doc in await self._run(collection, work)]

    async def count(self, collection: Collection, where: Mapping[str, Any] | None = None) -> int:
        conditions, values = _conditions(collection, where or {}, None)
        statement = f'SELECT count(*) FROM "{collection.name}" WHERE {conditions}'
        return await self._run(collection, lambda: int(self._connection.execute(statement, values).fetchone()[0]))

    async def check(self) -> str:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._check)
        return f"SQLite, {self._path}"

    def _check(self) -> None:
        try:
            writable(self._connection)
        except sqlite3.OperationalError as error:
            raise Unavailable(f"the store {self._path}: {error}") from error

    async def close(self) -> None:
        self._thread.shutdown()
        self._connection.close()


def _rows(collection: Collection, docs: Mapping[str, Doc]) -> list[Row]:
    """Made before the write has its turn: a document that cannot be kept fails where it was given, and alone."""
    return [
        (key, doc.get("version"), orjson.dumps(doc).decode(), *map(doc.get, collection.fields))
        for key, doc in docs.items()
    ]


def _conditions(collection: Collection, where: Mapping[str, Any], within: Range | None) -> tuple[str, list[Any]]:
    refuse_undeclared(collection, where, within)
    parts, values = ["1"], []
    for field, value in where.items():
        several = isinstance(value, list)
        parts.append(f'"f_{field}" IN (SELECT value FROM json_each(?))' if several else f'"f_{field}" IS ?')
        values.append(orjson.dumps(value).decode() if several else value)
    if within and within.above is not None:
        parts.append(f'"f_{within.field}" > ?')
        values.append(within.above)
    if within and within.upto is not None:
        parts.append(f'"f_{within.field}" <= ?')
        values.append(within.upto)
    if within:
        parts.append(f'"f_{within.field}" IS NOT NULL')
    return " AND ".join(parts), values
