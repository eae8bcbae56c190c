"""The first delivery of a source waits for *Publish*: its sender sees what became of each record before anybody else.

Until then what would be published is held. Then it goes onto the bus again, as a transfer of its own: the newest
record of each vacancy, unless that says that the vacancy is over.
"""

import time
from collections.abc import AsyncIterator, Collection, Mapping, Set
from dataclasses import replace
from datetime import datetime

from pendler.bus import Bus, decode
from pendler.service import Result
from pendler.store import Collection as Kept
from pendler.store import Doc, Store, everything
from schemas.event import Outcome, Reason, RecordReceived, Severity
from services.ingest.state import SETTLEMENTS, TRANSFERS, Clock, Fate
from services.ingest.transfers import transfer_name

WAITING = Kept("waiting")
"""A document a source that waits, by its name; `asked_at` is when it was told to publish (POSIX)."""
RULE, PUBLISHING = "waits-for-publish", "publishing"
SETTLES = 5.0
"""Seconds: a worker that read, before it was asked, that the source waits has settled its batch by then."""
AT_ONCE = 500
TOLD = Reason(
    rule=RULE, severity=Severity.WARNING,
    hint="The first delivery of a source is shown to nobody else until you publish it: POST /v1/sources/NAME/publish.",
)  # fmt: skip


async def begin(store: Store, source: str) -> bool:
    """Lets a source wait that has delivered nothing yet; whether it does."""
    if await store.find(TRANSFERS, {"source": source}, limit=1):
        return False
    await store.insert(WAITING, {source: {"asked_at": None}})
    return True


async def waiting(store: Store, sources: Collection[str]) -> Set[str]:
    """Those of the sources that wait."""
    return {source for source, doc in (await store.get(WAITING, list(sources))).items() if not doc["asked_at"]}


def held(fate: Fate) -> Fate:
    """What a record of a source that waits comes to: what would be published is held, and the rest is as it is."""
    return replace(fate, outcome=Outcome.HELD, event=None, state=None, reason=TOLD) if fate.event else fate


async def ask(store: Store, source: str) -> bool:
    """Asks to publish; whether there was anything to ask for."""
    known = (await store.get(WAITING, [source])).get(source)
    if known is None:
        return False
    await store.put(WAITING, {source: {"asked_at": known["asked_at"] or time.time()}})
    return True


async def publish(bus: Bus, store: Store, clock: Clock) -> Result:
    """Publishes the first deliveries of the sources that have asked for it, once all their records are settled."""
    async for source, doc in everything(store, WAITING):
        due = doc["asked_at"] and time.time() - doc["asked_at"] >= SETTLES
        if due and await _settled(store, source):
            await _publish(bus, store, source, clock())
            await store.delete(WAITING, [source])
    return Result()


async def _settled(store: Store, source: str) -> bool:
    past = ""
    while found := await store.find(TRANSFERS, {"source": source}, past=past):
        past = found[-1][0]
        for transfer, doc in found:
            if await store.count(SETTLEMENTS, {"transfer": transfer}) < doc["count"]:
                return False
    return True


async def _publish(bus: Bus, store: Store, source: str, now: datetime) -> None:
    """Killed half-way it begins again, and what was published by then is unchanged."""
    newest = {record.key: record.version async for record in _of(bus, source) if record.external_id}
    transfer, count, batch = transfer_name(now, PUBLISHING), 0, list[RecordReceived]()
    doc: Doc = {"source": source, "feed": PUBLISHING, "count": 0, "sealed": False, "received_at": now.isoformat()}
    await store.insert(TRANSFERS, {transfer: doc})
    async for record in _of(bus, source):
        if newest.get(record.key) == record.version and await _was_held(store, record):
            count += 1
            told = {"transfer": transfer, "n": count, "received_at": now, "first_delivery": True}
            batch.append(record.model_copy(update=told))
        if len(batch) == AT_ONCE:
            await bus.publish(batch)
            batch = []
    await bus.publish(batch)
    await store.put(TRANSFERS, {transfer: {**doc, "count": count, "sealed": True}})


async def _of(bus: Bus, source: str) -> AsyncIterator[RecordReceived]:
    """The records of a source that the bus still has: three days of them."""
    async for record in bus.scan(RecordReceived.topic.name):
        if record.key.startswith(f"{source}:"):
            yield decode(record)


async def _was_held(store: Store, record: RecordReceived) -> bool:
    doc: Mapping[str, Doc] = await store.get(SETTLEMENTS, [record.version])
    settled = doc.get(record.version, {"outcome": None, "reason": None})
    return settled["outcome"] == Outcome.HELD and (settled["reason"] or {}).get("rule") == RULE
