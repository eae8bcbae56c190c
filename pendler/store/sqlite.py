"""The store on one machine: SQLite, a table a collection, declared fields as columns of their own."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import orjson

from pendler.service import Unavailable
from pendler.sqlite import connect, transaction
from pendler.store import Collection, Doc, Range

CHUNK = 500
T = TypeVar("T")


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
                f"(key TEXT PRIMARY KEY, version INTEGER, doc BLOB NOT NULL{fields})"
            )
            for field in collection.fields:
                self._connection.execute(f'CREATE INDEX IF NOT EXISTS "{name}_{field}" ON "{name}" ("f_{field}", key)')
        self._ready.add(name)

    async def get(self, collection: Collection, keys: Sequence[str]) -> dict[str, Doc]:
        return await self._run(collection, lambda: dict(self._get(collection, list(keys))))

    def _get(self, collection: Collection, keys: list[str]) -> Iterable[tuple[str, Doc]]:
        for start in range(0, len(keys), CHUNK):
            some = keys[start : start + CHUNK]
            marks = ",".join("?" * len(some))
            rows = self._connection.execute(
                f'SELECT key, doc FROM "{collection.name}" WHERE key IN ({marks})',  # noqa: S608
                some,
            )
            yield from ((row[0], orjson.loads(row[1])) for row in rows)

    async def insert(self, collection: Collection, docs: Mapping[str, Doc]) -> set[str]:
        return await self._run(collection, lambda: self._upsert(collection, docs, "ON CONFLICT (key) DO NOTHING"))

    async def put(self, collection: Collection, docs: Mapping[str, Doc], guard: bool = False) -> set[str]:
        columns = ["version", "doc", *(f'"f_{field}"' for field in collection.fields)]
        conflict = "ON CONFLICT (key) DO UPDATE SET " + ", ".join(f"{c} = excluded.{c}" for c in columns)
        if guard:
            conflict += f' WHERE "{collection.name}".version IS NULL OR "{collection.name}".version < excluded.version'
        return await self._run(collection, lambda: self._upsert(collection, docs, conflict))

    def _upsert(self, collection: Collection, docs: Mapping[str, Doc], conflict: str) -> set[str]:
        marks = ",".join("?" * (3 + len(collection.fields)))
        statement = f'INSERT INTO "{collection.name}" VALUES ({marks}) {conflict} RETURNING key'  # noqa: S608
        written: set[str] = set()
        with transaction(self._connection):
            for key, doc in docs.items():
                values = [key, doc.get("version"), orjson.dumps(doc), *map(doc.get, collection.fields)]
                written.update(row[0] for row in self._connection.execute(statement, values))
        return written

    async def delete(self, collection: Collection, keys: Sequence[str]) -> None:
        await self._run(collection, lambda: self._delete(collection, keys))

    def _delete(self, collection: Collection, keys: Sequence[str]) -> None:
        with transaction(self._connection):
            self._connection.executemany(
                f'DELETE FROM "{collection.name}" WHERE key = ?',  # noqa: S608
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
        statement = (
            f'SELECT key, doc FROM "{collection.name}" WHERE {conditions} AND key > ? '  # noqa: S608
            f"ORDER BY {order} LIMIT ?"
        )
        rows = await self._run(
            collection, lambda: self._connection.execute(statement, (*values, past, limit)).fetchall()
        )
        return [(key, orjson.loads(doc)) for key, doc in rows]

    async def count(self, collection: Collection, where: Mapping[str, Any] | None = None) -> int:
        conditions, values = _conditions(collection, where or {}, None)
        statement = f'SELECT count(*) FROM "{collection.name}" WHERE {conditions}'  # noqa: S608
        return await self._run(collection, lambda: int(self._connection.execute(statement, values).fetchone()[0]))

    async def close(self) -> None:
        self._thread.shutdown()
        self._connection.close()


def _conditions(collection: Collection, where: Mapping[str, Any], within: Range | None) -> tuple[str, list[Any]]:
    undeclared = {*where, *([within.field] if within else [])} - set(collection.fields)
    if undeclared:
        raise ValueError(f"{collection.name}: not a declared field: {', '.join(sorted(undeclared))}")
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
