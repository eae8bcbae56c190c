"""Leases: of all instances of a service, one at a time does a job."""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pendler.store import Collection, Store

LEASES = Collection("leases")
LASTS = 6.0
OWNER = f"{socket.gethostname()}/{os.getpid()}"


@asynccontextmanager
async def lease(store: Store, name: str) -> AsyncIterator[bool]:
    """Whether this process holds the lease; it is renewed until the block is left, then given back.

    A process that dies with it keeps others waiting for `LASTS` seconds. Real time, never the fixed clock.
    """
    held = await _take(store, name, LASTS)
    renewal = asyncio.create_task(_renew(store, name)) if held else None
    try:
        yield held
    finally:
        if renewal:
            renewal.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await renewal
            await _take(store, name, 0)


async def _take(store: Store, name: str, seconds: float) -> bool:
    now = time.time()
    held = (await store.get(LEASES, [name])).get(name, {"owner": OWNER, "until": 0, "version": 0})
    if held["owner"] != OWNER and held["until"] > now:
        return False
    claim = {"owner": OWNER, "until": now + seconds, "version": held["version"] + 1}
    return bool(await store.put(LEASES, {name: claim}, guard=True))


async def _renew(store: Store, name: str) -> None:
    while True:
        await asyncio.sleep(LASTS / 3)
        await _take(store, name, LASTS)
