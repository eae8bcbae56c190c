"""Generations of the index: one is live, one may be building beside it, and the one before may be gone back to.

A small document in the store says which is which. Every process of search follows it; all that is written goes to
each of them, so neither a swap nor a way back loses anything.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from pendler.searchable import Searchable
from pendler.store import Collection, Doc, Store
from pendler.wanted import Wanted
from services.search.index import Generation, Hits, Index, Page

KEPT = Collection("generations")
PLAN = "plan"
READ_EVERY = 1.0
NOTICED_AFTER = 3.0
"""Seconds after which every process has read a changed plan, with room for one that was slow."""


@dataclass(frozen=True)
class Plan:
    """Which generation is what. A number is never given twice: `last` is the highest so far.

    `retired` ones are to be removed, once no process can be writing to them; `published` is the one that readers from
    outside are led to.
    """

    version: int = 0
    live: int = 1
    building: int | None = None
    previous: int | None = None
    last: int = 1
    retired: tuple[int, ...] = ()
    published: int = 0

    def written(self) -> tuple[int, ...]:
        """The live one first."""
        return tuple(one for one in (self.live, self.building, self.previous) if one is not None)

    def begun(self) -> "Plan":
        return replace(self, building=self.last + 1, last=self.last + 1)

    def swapped(self) -> "Plan":
        assert self.building
        return replace(self, live=self.building, building=None, previous=self.live)._retire(self.previous)

    def back(self) -> "Plan":
        assert self.previous
        return replace(self, live=self.previous, previous=self.live)

    def dropped(self) -> "Plan":
        """Without any but the live one."""
        return replace(self, building=None, previous=None)._retire(self.building, self.previous)

    def _retire(self, *generations: int | None) -> "Plan":
        return replace(self, retired=(*self.retired, *(one for one in generations if one)))


async def read_plan(store: Store) -> Plan:
    """The plan; where there is none, that of an exchange that never built a second index."""
    kept = (await store.get(KEPT, [PLAN])).get(PLAN)
    return Plan(**{**kept, "retired": tuple(kept["retired"])}) if kept else Plan()


async def change_plan(store: Store, change: Callable[[Plan], Plan]) -> Plan:
    """Changes the plan, whoever else does; what `change` raises leaves it as it was."""
    while True:
        old = await read_plan(store)
        new = replace(change(old), version=old.version + 1)
        if await store.put(KEPT, {PLAN: asdict(new)}, guard=True):
            return new


async def change_note(store: Store, key: str, change: Callable[[Doc], Mapping[str, Any]]) -> Doc:
    """The same for the other documents of the collection: how far a build is, what was repaired."""
    while True:
        old = (await store.get(KEPT, [key])).get(key, {"version": 0})
        new: Doc = {**old, **change(old), "version": old["version"] + 1}
        if await store.put(KEPT, {key: new}, guard=True):
            return new


class Generations:
    """The index that the services use: see `services.search.index.Index`. The plan is read once a second at most."""

    def __init__(self, store: Store, opens: Callable[[int], Generation]) -> None:
        self._store, self._opens = store, opens
        self._opened: dict[int, Generation] = {}
        self._plan, self._read = Plan(), -READ_EVERY

    async def plan(self) -> Plan:
        if time.monotonic() - self._read >= READ_EVERY:
            now = time.monotonic()
            self._plan = await read_plan(self._store)
            self._read = now
            await self._leave({*self._opened} - {*self._plan.written(), *self._plan.retired})
        return self._plan

    async def _leave(self, gone: set[int]) -> None:
        """Closes what others have removed: nobody has used it since it was retired."""
        for generation in gone:
            if index := self._opened.pop(generation, None):
                await index.close()

    def of(self, generation: int) -> Generation:
        """One generation by itself."""
        if generation not in self._opened:
            self._opened[generation] = self._opens(generation)
        return self._opened[generation]

    async def live(self) -> Generation:
        return self.of((await self.plan()).live)

    async def _each(self, work: Callable[[Index], Awaitable[None]]) -> None:
        await asyncio.gather(*(work(self.of(one)) for one in (await self.plan()).written()))

    async def put(self, documents: Sequence[Searchable]) -> None:
        await self._each(lambda index: index.put(documents))

    async def delete(self, refs: Sequence[str]) -> None:
        await self._each(lambda index: index.delete(refs))

    async def search(self, wanted: Wanted, page: Page) -> Hits:
        return await (await self.live()).search(wanted, page)

    async def check(self) -> str:
        plan = await self.plan()
        return f"{await self.of(plan.live).check()}, generation {plan.live}"

    async def open_versions(self) -> Mapping[str, int]:
        return await (await self.live()).open_versions()

    async def close(self) -> None:
        await self._leave({*self._opened})
