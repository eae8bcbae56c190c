"""The store on one machine: SQLite, a table a collection, declared fields as columns of their own."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import orjson

from pendler.service import Unavailable
from pendler.sqlite import connect, insert, select, transaction, writable
from pendler.store import Collection, Doc, Range, refuse_undeclared

T = TypeVar("T")
Allowed = Callable[[Mapping[str, int | None], str], bool]


class SqliteStore:
    """See `pendler.store.Store`. One thread of its own does all the work, so no loop ever waits for the disk."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, "store")
        self._connection = connect(Path(path))
        self._ready: set[str] = set()

    async def _run(self, collection: Collection, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._guarded, collection, work)

    def _guarded(self, collection: Collection, work: Callable[[], T]) -> T:
        try:
            if collection.name not in self._ready:
                self._create(collection)
            return work()
        except sqlite3.OperationalError as error:
            raise Unavailable(f"the store {self._path}: {error}") from error

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
        return await self._run(collection, lambda: self._write(collection, docs, lambda there, key: key not in there))

    async def put(self, collection: Collection, docs: Mapping[str, Doc], guard: bool = False) -> set[str]:
        def newer(there: Mapping[str, int | None], key: str) -> bool:
            stored = there.get(key)
            return stored is None or stored < docs[key]["version"]

        return await self._run(collection, lambda: self._write(collection, docs, newer if guard else None))

    def _write(self, collection: Collection, docs: Mapping[str, Doc], allowed: Allowed | None) -> set[str]:
        """Writes what `allowed` lets through, given the versions of the documents that are there."""
        fields = collection.fields
        columns = ["version", "doc", *(f'"f_{field}"' for field in fields)]
        update = "ON CONFLICT (key) DO UPDATE SET " + ", ".join(f"{c} = excluded.{c}" for c in columns)
        with transaction(self._connection):
            there = dict(self._keyed(collection, "version", docs)) if allowed else {}
            let = {key: doc for key, doc in docs.items() if allowed is None or allowed(there, key)}
            rows = [
                (key, doc.get("version"), orjson.dumps(doc).decode(), *map(doc.get, fields)) for key, doc in let.items()
            ]
            insert(self._connection, f'"{collection.name}"', rows, update)
        return set(let)

    async def delete(self, collection: Collection, keys: Sequence[str]) -> None:
        await self._run(collection, lambda: self._delete(collection, keys))

    def _delete(self, collection: Collection, keys: Sequence[str]) -> None:
        with transaction(self._connection):
            self._connection.executemany(
                f'DELETE FROM "{collection.name}" WHERE key = ?',
                [(key,) for key in keys],
            )

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


def _conditions(collection: Collection, where: Mapping[str, Any], within: Range | None) -> tuple[str, list[Any]]:
    refuse_undeclared(collection, where, within)
    parts, values = ["1"], []
    for field, value in where.items():
        parts.append(f'"f_{field}" IS ?')
        values.append(value)
    if within and within.above is not None:
        parts.append(f'"f_{within.field}" > ?')
        values.append(within.above)
    if within and within.upto is not None:
        parts.append(f'"f_{within.field}" <= ?')
        values.append(within.upto)
    if within:
        parts.append(f'"f_{within.field}" IS NOT NULL')
    return " AND ".join(parts), values
