"""The pulse of a service: each instance notes every few seconds that it works, and what stands, if anything does."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from pendler.lease import OWNER
from pendler.store import Collection, Range, Store

PULSES = Collection("pulses", ("at",))
EVERY = 5.0
SILENT = 20.0
FORGOTTEN = 86_400.0


@dataclass(frozen=True)
class Pulse:
    """When an instance was last heard, in seconds since 1970, and its troubles: what stands, and why."""

    instance: str
    at: float
    troubles: Mapping[str, str]

    def alive(self, now: float) -> bool:
        return now - self.at < SILENT


async def beat(store: Store, troubles: Mapping[str, str]) -> None:
    """Notes that this process works; forgets who has long been silent. Real time, never the fixed clock."""
    now = time.time()
    await store.put(PULSES, {OWNER: {"at": now, "troubles": dict(troubles)}})
    gone = await store.find(PULSES, within=Range("at", upto=now - FORGOTTEN), limit=100)
    await store.delete(PULSES, [key for key, _ in gone])


async def leave(store: Store) -> None:
    """Notes that this process has ended in order: it is not silent, it is gone."""
    await store.delete(PULSES, [OWNER])


async def pulses(store: Store) -> list[Pulse]:
    """The instances heard within the last day, the newest last."""
    found = await store.find(PULSES, within=Range("at", above=time.time() - FORGOTTEN), limit=100)
    return [Pulse(key, doc["at"], doc["troubles"]) for key, doc in found]
