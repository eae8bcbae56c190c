"""A delivery becomes a transfer: cut into records, on the bus before it is answered for."""

import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from itertools import islice
from uuid import uuid4

from pendler.bus import Bus
from pendler.problem import Problem
from pendler.store import Collection, Doc, Store
from schemas.event import Reason, RecordReceived
from services.ingest.feed import Feed, Flaw, Item
from services.ingest.state import DELETION, TRANSFERS

AT_ONCE = 500
MOST_WAITING = 500_000
DELIVERIES = Collection("deliveries")
LONGEST_BODY = 1_000_000


async def read_body(chunks: AsyncIterator[bytes], encoding: str, limit: int) -> bytes:
    """The whole body, unpacked; never more than `limit` bytes of it in memory.

    Raises:
        Problem: 413 beyond the limit, 415 for another encoding than gzip, 400 for broken gzip.
    """
    if encoding not in ("", "identity", "gzip"):
        raise Problem(415, "encoding", f"Content-Encoding {encoding!r} is not known; send gzip or none.")
    unpack = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    body = bytearray()
    async for chunk in chunks:
        try:
            body += unpack.decompress(chunk, limit + 1 - len(body)) if unpack else chunk
        except zlib.error as error:
            raise Problem(400, "broken-gzip", f"The body is not whole gzip: {error}.") from None
        if len(body) > limit:
            raise Problem(413, "too-large", f"The body is larger than {limit} bytes unpacked. Send it in parts.")
        if unpack and unpack.unused_data:
            raise Problem(400, "broken-gzip", "Something follows the end of the gzip stream. Nothing was taken.")
    if unpack and not unpack.eof:
        raise Problem(400, "broken-gzip", "The gzip stream ends before its end. Nothing was taken; send it again.")
    return bytes(body)


class Why(StrEnum):
    """Why a source ends a vacancy."""

    FILLED = "filled"
    WITHDRAWN = "withdrawn"
    ERROR = "error"


async def refuse_when_full(bus: Bus) -> None:
    """Raises:
    Problem: 503, so much waits to be read that a sender had better wait, too.
    """
    if await bus.lag("ingest", RecordReceived.topic.name) > MOST_WAITING:
        detail = f"More than {MOST_WAITING} records wait to be read. Nothing of this was taken; send it again later."
        raise Problem(503, "busy", detail, {"Retry-After": "60"})


class Once:
    """A delivery that its sender names by a key: made again, it is the same transfer, and nothing is taken twice."""

    def __init__(self, store: Store, source: str, key: str, body: bytes) -> None:
        self._store, self._key = store, f"{source} {key}" if key else ""
        self._digest = blake2b(body, digest_size=16).hexdigest() if key else ""

    async def known(self) -> tuple[str, Doc] | None:
        """The transfer that came of it before, if it was made before.

        Raises:
            Problem: 422, the key was used for another body.
        """
        found = (await self._store.get(DELIVERIES, [self._key])).get(self._key) if self._key else None
        if not found:
            return None
        if found["digest"] != self._digest:
            detail = "This Idempotency-Key was used for another body. Use a new key for what is new."
            raise Problem(422, "key-reused", detail)
        transfer = found["transfer"]
        return transfer, (await self._store.get(TRANSFERS, [transfer]))[transfer]

    async def note(self, transfer: str) -> None:
        if self._key:
            await self._store.insert(DELIVERIES, {self._key: {"digest": self._digest, "transfer": transfer}})


async def tell_end(bus: Bus, store: Store, ref: str, why: Why, now: datetime) -> tuple[str, Doc]:
    """Puts a record on the bus that says that a vacancy is over, as a transfer of its own."""
    source, _, identity = ref.partition(":")
    if not key_of(Item(identity, "")):
        raise Problem(404, "no-such-record", "An id has 1 to 200 characters that can be printed.")
    transfer = f"{now:%Y%m%dT%H%M%S}-{uuid4().hex[:12]}"
    doc: Doc = {"source": source, "feed": DELETION, "count": 1, "sealed": False, "received_at": now.isoformat()}
    await store.insert(TRANSFERS, {transfer: doc})
    record = RecordReceived(
        source=source, feed=DELETION, transfer=transfer, n=1, external_id=identity, body=why, received_at=now,
        ends="closed" if why is Why.FILLED else "withdrawn",
    )  # fmt: skip
    await bus.publish([record])
    await store.put(TRANSFERS, {transfer: {**doc, "sealed": True}})
    return transfer, doc


async def accept(
    bus: Bus, store: Store, source: str, feed: Feed, items: Sequence[Item], now: datetime
) -> tuple[str, Doc]:
    """Puts every record of a delivery on the bus; the transfer is sealed once all of them are durable."""
    transfer = f"{now:%Y%m%dT%H%M%S}-{uuid4().hex[:12]}"
    first = not await store.find(TRANSFERS, {"source": source, "sealed": True}, limit=1)
    doc: Doc = {
        "source": source,
        "feed": feed.name,
        "count": len(items),
        "sealed": False,
        "received_at": now.isoformat(),
    }
    await store.insert(TRANSFERS, {transfer: doc})
    records = received(items, source, feed.name, transfer, now, first)
    while batch := list(islice(records, AT_ONCE)):
        await bus.publish(batch)
    doc["sealed"] = True
    await store.put(TRANSFERS, {transfer: doc})
    return transfer, doc


def received(
    items: Sequence[Item], source: str, feed: str, transfer: str, now: datetime, first: bool
) -> Iterator[RecordReceived]:
    """The records of a transfer, numbered from 1."""
    for n, item in enumerate(items, 1):
        flaw = item.flaw or _too_long(item)
        yield RecordReceived(
            source=source, feed=feed, transfer=transfer, n=n, external_id=key_of(item), flaw=flaw,
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
