"""A delivery becomes a transfer: cut into records, on the bus before it is answered for."""

import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from itertools import islice
from uuid import uuid4

from starlette.concurrency import run_in_threadpool

from pendler.bus import Bus
from pendler.problem import Problem
from pendler.store import Doc, Store
from schemas.event import Reason, RecordReceived
from services.ingest.feed import Feed, Flaw, Item
from services.ingest.state import TRANSFERS

AT_ONCE = 500
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


async def accept(bus: Bus, store: Store, source: str, feed: Feed, body: bytes, now: datetime) -> tuple[str, Doc]:
    """Puts every record of a delivery on the bus; the transfer is sealed once all of them are durable.

    Raises:
        Problem: 400, the delivery cannot be cut into records; nothing of it was taken.
    """
    items = await run_in_threadpool(_cut, feed, body)
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
            source=source, feed=feed, transfer=transfer, n=n, external_id=_key(item), flaw=flaw,
            body=item.body[:2000] if flaw else item.body, received_at=now, first_delivery=first,
        )  # fmt: skip


def _cut(feed: Feed, body: bytes) -> list[Item]:
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


def _key(item: Item) -> str | None:
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
