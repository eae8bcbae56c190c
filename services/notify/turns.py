"""What is asked for while others are served is served together, in the next turn; each is answered for itself."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")
MOST = 32
"""In one turn: half of those who may be in a queue do something else meanwhile."""


class Turns(Generic[T, R]):
    """Many tasks that each want a little of one slow thing. `work` takes what they ask by key and answers by key."""

    def __init__(self, work: Callable[[Mapping[str, T]], Awaitable[Mapping[str, R]]]) -> None:
        self._work = work
        self._turn: asyncio.Task[Mapping[str, R]] | None = None
        self._asked: dict[str, T] | None = None

    async def of(self, key: str, asked: T) -> R | None:
        """The answer for that key; None where `work` gave none. What goes wrong in a turn goes wrong for all in it."""
        if self._asked is None or len(self._asked) >= MOST:
            self._asked = {}
            self._turn = asyncio.create_task(self._serve(self._turn, self._asked))
        self._asked[key] = asked
        assert self._turn
        return (await asyncio.shield(self._turn)).get(key)

    async def _serve(self, before: asyncio.Task[Mapping[str, R]] | None, asked: dict[str, T]) -> Mapping[str, R]:
        if before and not before.done():
            await asyncio.wait([before])
        if self._asked is asked:
            self._asked = None
        return await self._work(asked)
