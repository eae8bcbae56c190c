"""Bodies as they come: whatever their size, and however well packed, little of them is in memory."""

import asyncio
import gzip
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterator

import pytest

from services.ingest.body import LONGEST_LINE, Line, Lines, cut_lines, lines_in, unpacked
from services.ingest.feed import feeds

MB = 1_000_000


async def in_chunks(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def packed(lines: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=31)
    for line in lines:
        yield packer.compress(line)
    yield packer.flush()


@pytest.mark.parametrize(
    ("lines", "count", "most"),
    [
        ((b"%d%s\n" % (n, b"x" * 1000) for n in range(20_000)), 20_000, 8),
        ((b"x" * MB for _ in range(30)), 1, 4),
        ((b"\n" * MB for _ in range(3)), 0, 8),
    ],
    ids=["20 MB in lines", "30 MB in one line", "nothing but line breaks"],
)
def test_a_packed_stream_of_any_size_is_read_in_little_memory(lines: Iterator[bytes], count: int, most: float) -> None:
    async def read() -> int:
        return sum([len(some) async for some in lines_in(unpacked(in_chunks(packed(lines)), "gzip"))])

    tracemalloc.start()
    try:
        assert asyncio.run(read()) == count
        assert tracemalloc.get_traced_memory()[1] < most * MB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_lines_are_the_same_however_they_are_cut(size: int) -> None:
    body = b"one\ntwo\n \n\n" + b"three" * 10 + b"\nfour"
    lines = Lines()
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    found = [line for piece in pieces for line in lines.take(piece)]
    assert [line.kept for line in [*found, lines.end()]] == [line for line in body.split(b"\n") if line.strip()]


@pytest.mark.parametrize("size", [1, 100, 65_536])
def test_what_is_unpacked_is_what_was_packed(size: int) -> None:
    body = json.dumps(list(range(30_000))).encode()
    whole = gzip.compress(body)

    async def read() -> bytes:
        chunks = (whole[start : start + size] for start in range(0, len(whole), size))
        return b"".join([piece async for piece in unpacked(in_chunks(chunks), "gzip")])

    assert asyncio.run(read()) == body


def test_a_line_that_is_too_long_says_how_long_it_was() -> None:
    (item,) = cut_lines(feeds()["se_jobtech"], [Line(b'{"id": "1"', LONGEST_LINE + 1)])
    assert item.flaw
    assert (item.flaw.rule, item.flaw.value) == ("record-too-long", "1000001 bytes")
