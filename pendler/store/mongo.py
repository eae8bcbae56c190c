"""The store on many machines: MongoDB through motor, a database a service.

A document is kept as one JSON text beside its version and its declared fields, so that it comes back as it went in,
whatever its members are called. Writes ask for a majority (the default of a replica set) and touch one document each.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import orjson
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import InsertOne, ReplaceOne
from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError

from pendler.service import Misconfigured, Unavailable
from pendler.store import Collection, Doc, Range, refuse_undeclared

T = TypeVar("T")
DUPLICATE = 11000
NONE = -(2**63)  # the version of a document that has none: any other is higher
FOUND_MS, DONE_MS = 5_000, 30_000  # not timeoutMS: with that, an engine that is away is looked for until it is over
MOST_BYTES = 15_000_000  # of a document; the engine's limit is 16 MB, with all around it
NOT_LET_IN = (13, 18)  # unauthorized, authentication failed
PROBED = Collection("probes")
Write = InsertOne[Doc] | ReplaceOne[Doc]


class MongoStore:
    """See `pendler.store.Store`. The client belongs to the loop that runs, so it is made at the first use."""

    def __init__(self, url: str, database: str) -> None:
        self._url, self._database = url, database
        self._client: Any = None
        self._ready: dict[str, Any] = {}

    async def _run(self, collection: Collection, work: Callable[[Any], Awaitable[T]]) -> T:
        try:
            return await work(await self._opened(collection))
        except PyMongoError as error:  # what is asked never depends on the data: it is the engine that cannot
            raise Unavailable(f"the store {self._database}: {error}") from error

    async def _opened(self, collection: Collection) -> Any:
        if self._client is None:
            limits: dict[str, Any] = {"serverSelectionTimeoutMS": FOUND_MS, "socketTimeoutMS": DONE_MS}
            self._client = AsyncIOMotorClient(self._url, connectTimeoutMS=FOUND_MS, w="majority", **limits)
        if collection.name not in self._ready:
            opened = self._client[self._database][collection.name]
            await opened.create_index(
                [("_id", 1), ("version", 1)], unique=True
            )  # a stand-in's plan for a guard needs it
            for field in collection.fields:
                await opened.create_index([(_member(field), 1), ("_id", 1)])
            self._ready[collection.name] = opened
        return self._ready[collection.name]

    async def get(self, collection: Collection, keys: Sequence[str]) -> dict[str, Doc]:
        wanted = {"_id": {"$in": list(keys)}}
        rows = await self._run(collection, lambda opened: opened.find(wanted, {"doc": 1}).to_list(None))
        return {row["_id"]: orjson.loads(row["doc"]) for row in rows}

    async def insert(self, collection: Collection, docs: Mapping[str, Doc]) -> set[str]:
        rows = _rows(collection, docs)
        return await self._write(collection, {key: InsertOne(row) for key, row in rows.items()})

    async def put(self, collection: Collection, docs: Mapping[str, Doc], guard: bool = False) -> set[str]:
        rows = _rows(collection, docs)
        if guard:
            return await self._run(collection, lambda opened: _put_newer(opened, rows))
        writes: dict[str, Write] = {key: ReplaceOne({"_id": key}, row, upsert=True) for key, row in rows.items()}
        written = await self._write(collection, writes)
        return written | await self._write(collection, {key: writes[key] for key in writes.keys() - written})

    async def _write(self, collection: Collection, writes: Mapping[str, Write]) -> set[str]:
        return await self._run(collection, lambda opened: _written(opened, writes))

    async def delete(self, collection: Collection, keys: Sequence[str]) -> None:
        if keys:
            await self._run(collection, lambda opened: opened.delete_many({"_id": {"$in": list(keys)}}))

    async def find(
        self,
        collection: Collection,
        where: Mapping[str, Any] | None = None,
        within: Range | None = None,
        limit: int = 1000,
        past: str = "",
    ) -> list[tuple[str, Doc]]:
        asked = _filter(collection, where or {}, within)
        if limit == 0:  # which means no limit to the engine
            return []
        if past:
            asked["_id"] = {"$gt": past}
        order = [*([(_member(within.field), 1)] if within else []), ("_id", 1)]
        rows = await self._run(
            collection, lambda opened: opened.find(asked, {"doc": 1}).sort(order).limit(limit).to_list(None)
        )
        return [(row["_id"], orjson.loads(row["doc"])) for row in rows]

    async def count(self, collection: Collection, where: Mapping[str, Any] | None = None) -> int:
        asked = _filter(collection, where or {}, None)
        return int(await self._run(collection, lambda opened: opened.count_documents(asked)))

    async def check(self) -> str:
        try:
            told = await self._run(PROBED, lambda _: self._client.server_info())
            await self.put(PROBED, {"probe": {}})
        except Unavailable as away:
            if isinstance(cause := away.__cause__, OperationFailure) and cause.code in NOT_LET_IN:
                raise Misconfigured(
                    f"MongoDB does not let us into {self._database}: {cause}. See the user and password in "
                    "PENDLER_STORE, and that the user may read and write that database"
                ) from None
            raise
        return f"MongoDB {told['version']}, {self._database}"

    async def close(self) -> None:
        if self._client is not None:
            self._client.close()


async def _put_newer(opened: Any, rows: Mapping[str, Doc]) -> set[str]:
    """Replaces the version that is there, if it still is; where a rival was quicker, it compares again."""
    left, written = dict(rows), set[str]()
    while left:
        found = await opened.find({"_id": {"$in": list(left)}}, {"version": 1}).to_list(None)
        there = {row["_id"]: row["version"] for row in found}
        left = {key: row for key, row in left.items() if key not in there or there[key] < row["version"]}
        writes: dict[str, Write] = {key: _instead(there.get(key), row) for key, row in left.items()}
        done = await _written(opened, writes)
        written |= done
        left = {key: row for key, row in left.items() if key not in done}
    return written


def _instead(version: int | None, row: Doc) -> Write:
    """With upsert, since a replacement that meets another version then fails as a duplicate, and can be told."""
    return InsertOne(row) if version is None else ReplaceOne({"_id": row["_id"], "version": version}, row, upsert=True)


async def _written(opened: Any, writes: Mapping[str, Write]) -> set[str]:
    """Does all of them it can; returns the keys of those that met no other document of the same key."""
    if not writes:
        return set()
    keys = list(writes)
    try:
        await opened.bulk_write(list(writes.values()), ordered=False)
    except BulkWriteError as error:
        failed = error.details["writeErrors"]
        if error.details["writeConcernErrors"] or any(one["code"] != DUPLICATE for one in failed):
            raise
        return set(keys) - {keys[one["index"]] for one in failed}
    return set(keys)


def _rows(collection: Collection, docs: Mapping[str, Doc]) -> dict[str, Doc]:
    return {key: _row(collection, key, doc) for key, doc in docs.items()}


def _row(collection: Collection, key: str, doc: Doc) -> Doc:
    text = orjson.dumps(doc)
    if len(text) > MOST_BYTES:
        raise ValueError(
            f"{collection.name}: the document {key[:100]!r} is too large: {len(text)} of {MOST_BYTES} bytes"
        )
    fields = {_member(field): doc[field] for field in collection.fields if doc.get(field) is not None}
    return {"_id": key, "version": doc.get("version", NONE), "doc": text.decode(), **fields}


def _member(field: str) -> str:
    return f"f_{field}"


def _filter(collection: Collection, where: Mapping[str, Any], within: Range | None) -> dict[str, Any]:
    refuse_undeclared(collection, where, within)
    asked: dict[str, Any] = {
        _member(field): {"$in" if isinstance(value, list) else "$eq": value} for field, value in where.items()
    }
    if within:
        ends = {"$exists": True, "$gt": within.above, "$lte": within.upto}
        asked.setdefault(_member(within.field), {}).update(
            {end: value for end, value in ends.items() if value is not None}
        )
    return asked
