"""A delivery becomes a transfer: cut into records, on the bus before it is answered for."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from enum import StrEnum

from starlette.concurrency import run_in_threadpool

from pendler.bus import Bus
from pendler.problem import Problem
from pendler.store import Doc, Store
from schemas.event import Reason, RecordReceived
from services.ingest.body import Line, cut_lines
from services.ingest.feed import Feed, Flaw, Item
from services.ingest.state import DELETION, TRANSFERS
from services.ingest.transfers import transfer_name

AT_ONCE = 500
MOST_WAITING = 500_000
LONGEST_BODY = 1_000_000
LOOKS_EACH = 5000


class Why(StrEnum):
    """Why a source ends a vacancy."""

    FILLED = "filled"
    WITHDRAWN = "withdrawn"
    ERROR = "error"


async def is_full(bus: Bus) -> bool:
    """Whether so much waits to be read that a sender had better wait, too."""
    return await bus.lag("ingest", RecordReceived.topic.name) > MOST_WAITING


async def refuse_when_full(bus: Bus) -> None:
    """Raises:
    Problem: 503, a sender had better wait.
    """
    if await is_full(bus):
        detail = f"More than {MOST_WAITING} records wait to be read. Nothing of this was taken; send it again later."
        raise Problem(503, "busy", detail, {"Retry-After": "60"})


class Taking:
    """A transfer as it is taken: its records go onto the bus as they come, and it is sealed once all are durable."""

    def __init__(self, bus: Bus, store: Store, source: str, feed: str, now: datetime) -> None:
        self._bus, self._store, self._now = bus, store, now
        self.name = transfer_name(now)
        self.doc: Doc = {
            "source": source, "feed": feed, "count": 0, "sealed": False, "received_at": now.isoformat(),
        }  # fmt: skip
        self._first, self._looked_at = False, 0

    async def begin(self) -> None:
        where = {"source": self.doc["source"], "sealed": True}
        self._first = not await self._store.find(TRANSFERS, where, limit=1)
        await self._store.insert(TRANSFERS, {self.name: self.doc})

    async def take(self, items: Sequence[Item]) -> None:
        """Some more records; they are durable when this returns."""
        numbered = enumerate(items, self.doc["count"] + 1)
        records = [received(item, n, self.name, self.doc, self._now, self._first) for n, item in numbered]
        for start in range(0, len(records), AT_ONCE):
            await self._bus.publish(records[start : start + AT_ONCE])
        self.doc["count"] += len(records)

    async def only(self, record: RecordReceived) -> tuple[str, Doc]:
        """A transfer of this one record, which is none that was delivered."""
        self.doc["count"] = 1
        await self._store.insert(TRANSFERS, {self.name: self.doc})
        await self._bus.publish([record])
        return await self.seal()

    async def wait_while_full(self) -> None:
        """Reads no more of a stream while so much waits to be read; looks once in some thousand records."""
        if self.doc["count"] - self._looked_at < LOOKS_EACH:
            return
        self._looked_at = self.doc["count"]
        while await is_full(self._bus):
            await asyncio.sleep(1)

    async def seal(self) -> tuple[str, Doc]:
        """All are durable: now it can be answered for."""
        return await self._keep(sealed=True)

    async def break_off(self) -> None:
        """No more will come. What was taken stands, and the transfer tells of it, but it is answered for to nobody."""
        await self._keep(sealed=False)

    async def _keep(self, sealed: bool) -> tuple[str, Doc]:
        self.doc["sealed"] = sealed
        await self._store.put(TRANSFERS, {self.name: self.doc})
        return self.name, self.doc


async def tell_end(bus: Bus, store: Store, ref: str, why: Why, now: datetime) -> tuple[str, Doc]:
    """Puts a record on the bus that says that a vacancy is over, as a transfer of its own."""
    source, _, identity = ref.partition(":")
    if not key_of(Item(identity, "")):
        raise Problem(404, "no-such-record", "An id has 1 to 200 characters that can be printed.")
    taking = Taking(bus, store, source, DELETION, now)
    record = RecordReceived(
        source=source, feed=DELETION, transfer=taking.name, n=1, external_id=identity, body=why, received_at=now,
        ends="closed" if why is Why.FILLED else "withdrawn",
    )  # fmt: skip
    return await taking.only(record)


async def accept(
    bus: Bus, store: Store, source: str, feed: Feed, items: Sequence[Item], now: datetime
) -> tuple[str, Doc]:
    """Puts every record of a delivery on the bus; the transfer is sealed once all of them are durable."""
    taking = Taking(bus, store, source, feed.name, now)
    await taking.begin()
    await taking.take(items)
    return await taking.seal()


async def accept_stream(taking: Taking, feed: Feed, lines: AsyncIterator[list[Line]]) -> tuple[str, Doc]:
    """Puts a stream on the bus line by line as it comes, in constant memory; when too much waits, it waits, too.

    Raises:
        Problem: 400, it broke off. What had come by then is taken, and the answer names the transfer.
    """
    await taking.begin()
    try:
        async for some in lines:
            await taking.take(await run_in_threadpool(cut_lines, feed, some))
            await taking.wait_while_full()
        if not taking.doc["count"]:
            raise Problem(400, "empty-delivery", f"No record of the feed “{feed.name}” was found in the stream.")
        return await taking.seal()
    except Problem as problem:
        problem.document |= {"transfer": f"/v1/transfers/{taking.name}", "taken": taking.doc["count"]}
        raise
    finally:
        if not taking.doc["sealed"]:
            await taking.break_off()


def received(item: Item, n: int, transfer: str, doc: Doc, now: datetime, first: bool) -> RecordReceived:
    """Record number `n` of a transfer."""
    flaw = item.flaw or _too_long(item)
    return RecordReceived(
        source=doc["source"], feed=doc["feed"], transfer=transfer, n=n, external_id=key_of(item), flaw=flaw,
        body=item.body[:2000] if flaw else item.body, received_at=now, first_delivery=first,
    )  # fmt: skip


def cut(feed: Feed, body: bytes) -> list[Item]:
    """The records of a delivery.

    Raises:
        Problem: 400, it cannot be cut into records; nothing of it was taken.
    """
    try:
        items = list(feed.split(body))
    except Flaw as flaw:
        reason = flaw.reason
        raise Problem(
            400,
            "unreadable-delivery",
            f"{reason.hint or reason.rule} Nothing was taken.",
            rule=reason.rule,
            at=reason.at,
            value=reason.value,
        ) from None
    if not items:
        raise Problem(400, "empty-delivery", f"No record of the feed “{feed.name}” was found in the body.")
    return items


def key_of(item: Item) -> str | None:
    """The id that decides the record's order; one that no vacancy can have is left to be rejected."""
    usable = item.external_id and len(item.external_id) <= 200 and item.external_id.isprintable()
    return item.external_id if usable else None


def _too_long(item: Item) -> Reason | None:
    if len(item.body) <= LONGEST_BODY:
        return None
    return Reason(
        rule="record-too-long",
        value=f"{len(item.body)} characters",
        hint=f"A record may have {LONGEST_BODY}.",
    )
