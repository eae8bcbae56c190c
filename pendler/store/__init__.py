"""The store: one database a service, collections of JSON documents, single-document writes, version guards.

No transactions over several documents and no change streams: the same code runs on a MongoDB replica set, on a
stand-in and on SQLite. What must happen together is made to repeat safely instead.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pendler.service import Misconfigured

Doc = dict[str, Any]


@dataclass(frozen=True)
class Collection:
    """A collection; only `fields` (top-level members: strings, numbers, or absent) can be searched by `find`.

    A document may carry an integer `version`, which `put(guard=True)` compares.
    """

    name: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class Range:
    """Values of one declared field with `above < value <= upto`; an end that is None is open."""

    field: str
    above: Any = None
    upto: Any = None


class Store(Protocol):
    """A store. One URL picks the adapter; `tests/contracts/test_store.py` is what each must do.

    Every method raises `pendler.service.Unavailable` where the engine is away.
    """

    async def get(self, collection: Collection, keys: Sequence[str]) -> dict[str, Doc]:
        """The documents that exist, by key."""

    async def insert(self, collection: Collection, docs: Mapping[str, Doc]) -> set[str]:
        """Inserts where the key is absent; returns the keys that were."""

    async def put(self, collection: Collection, docs: Mapping[str, Doc], guard: bool = False) -> set[str]:
        """Writes documents; with `guard`, only over a lower `version` or none. Returns the keys written."""

    async def delete(self, collection: Collection, keys: Sequence[str]) -> None:
        """Removes documents; absent ones are no error."""

    async def find(
        self,
        collection: Collection,
        where: Mapping[str, Any] | None = None,
        within: Range | None = None,
        limit: int = 1000,
        past: str = "",
    ) -> list[tuple[str, Doc]]:
        """Documents whose declared fields equal `where`, or one of what is a list there, and lie `within`.

        Sorted by the range's field, then by key; without a range by key, only keys greater than `past`.
        """

    async def count(self, collection: Collection, where: Mapping[str, Any] | None = None) -> int:
        """How many documents `find` would give without a limit."""

    async def check(self) -> str:
        """What engine this is, once it has answered and let itself be written to.

        Raises:
            Misconfigured: it is there, but not as it must be.
        """

    async def close(self) -> None:
        """Closes the connection."""


def open_store(url: str, service: str) -> Store:
    """The store of one service: `file:DIR` (SQLite) on one machine, `mongodb://host` on many.

    Raises:
        Misconfigured: the scheme is neither.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "file":
        from pendler.store.sqlite import SqliteStore

        return SqliteStore(f"{rest}/{service}.db")
    if scheme in ("mongodb", "mongodb+srv"):
        from pendler.store.mongo import MongoStore

        return MongoStore(url, f"pendler_{service}")
    raise Misconfigured(f"PENDLER_STORE={scheme}:...: expected file:DIRECTORY or mongodb://HOST")


async def everything(store: Store, collection: Collection) -> AsyncIterator[tuple[str, Doc]]:
    """All documents of a collection by key, of which a page at a time is in memory."""
    past = ""
    while page := await store.find(collection, past=past):
        for each in page:
            yield each
        past = page[-1][0]


def refuse_undeclared(collection: Collection, where: Iterable[str], within: Range | None) -> None:
    """What every adapter does first with a search.

    Raises:
        ValueError: it names a field that the collection does not declare.
    """
    undeclared = {*where, *([within.field] if within else [])} - set(collection.fields)
    if undeclared:
        raise ValueError(f"{collection.name}: not a declared field: {', '.join(sorted(undeclared))}")
