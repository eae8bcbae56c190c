"""The change feed as a stream of lines: read from the bus as it is asked for, a page of it in memory."""

import zlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace

from pendler.bus import Bus
from schemas.event import VacancyMatched
from services.export.change import Reader, line
from services.export.cursor import Cursor

TOPIC = VacancyMatched.topic.name
EACH = 500
"""After so many records a line with a cursor: a reader that is cut off goes on from the last one it has seen."""


@dataclass(frozen=True)
class Asked:
    """What is asked of the feed: from where on, by whom, after how many lines it pauses, if at all."""

    start: Cursor
    reader: Reader
    limit: int | None
    now: float


async def stream(bus: Bus, asked: Asked, last: Mapping[int, int]) -> AsyncIterator[bytes]:
    """Lines of changes, and among them lines with a cursor; the last line is one, and says whether more is there.

    `last` is where the topic ended when it was asked: what comes later is left for the next time.
    """
    upto, seen, told = dict(asked.start.upto), 0, 0
    chunk: list[bytes] = []
    async for record in bus.scan(TOPIC, after=asked.start.upto):
        if record.offset > last.get(record.partition, -1):
            continue
        upto[record.partition], seen = record.offset, seen + 1
        if found := asked.reader.line(record.value):
            chunk.append(line(found))
            told += 1
        if told == asked.limit:
            break
        if seen % EACH == 0:
            yield b"".join([*chunk, _cursor(asked, upto)])
            chunk = []
    else:
        upto |= last  # compaction may have left nothing at the end of a partition
    more = any(upto.get(part, -1) < at for part, at in last.items())
    yield b"".join([*chunk, _cursor(asked, upto, more)])


def _cursor(asked: Asked, upto: dict[int, int], more: bool | None = None) -> bytes:
    cursor = str(replace(asked.start, upto=upto, at=asked.now))
    return line({"cursor": cursor} if more is None else {"cursor": cursor, "more": more})


async def gzipped(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same, packed as it comes: whole lines are out after each chunk."""
    packer = zlib.compressobj(6, wbits=31)
    async for chunk in chunks:
        yield packer.compress(chunk) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()
