"""Deliveries that their senders name by a key: made again, they are the same transfer."""

from collections.abc import AsyncIterator
from hashlib import blake2b

from pendler.problem import Problem
from pendler.store import Collection, Doc, Store
from services.ingest.state import TRANSFERS

DELIVERIES = Collection("deliveries")


class Once:
    """A delivery that its sender names by a key: made again, it is the same transfer, and nothing is taken twice."""

    def __init__(self, store: Store, source: str, key: str) -> None:
        self._store, self._key = store, f"{source} {key}" if key else ""
        self._digest = blake2b(digest_size=16)

    async def reading(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The body as it is read, looked at on its way."""
        async for piece in pieces:
            if self._key:
                self._digest.update(piece)
            yield piece

    async def known(self) -> bool:
        """Whether the key was used before."""
        return bool(self._key and await self._store.get(DELIVERIES, [self._key]))

    async def again(self, pieces: AsyncIterator[bytes]) -> tuple[str, Doc]:
        """The transfer that came of it before. The body is read to its end, and no more.

        Raises:
            Problem: 422, the key was used for another body.
        """
        async for _ in pieces:
            pass
        found = (await self._store.get(DELIVERIES, [self._key]))[self._key]
        if found["digest"] != self._digest.hexdigest():
            detail = "This Idempotency-Key was used for another body. Use a new key for what is new."
            raise Problem(422, "key-reused", detail)
        transfer = found["transfer"]
        return transfer, (await self._store.get(TRANSFERS, [transfer]))[transfer]

    async def note(self, transfer: str) -> None:
        if self._key:
            await self._store.insert(
                DELIVERIES, {self._key: {"digest": self._digest.hexdigest(), "transfer": transfer}}
            )
