"""The body of a delivery as it comes: unpacked in small pieces, read whole up to a limit, or cut into lines."""

import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from pendler.problem import Problem
from services.ingest.feed import Feed, Flaw, Item
from services.ingest.fields.strict import clean

PIECE = 65_536
LONGEST_LINE = 1_000_000
TOGETHER = 500
SHOWN = 2000
"""Bytes that are kept of a line which is too long: enough to tell which one it is."""


async def unpacked(chunks: AsyncIterator[bytes], encoding: str) -> AsyncIterator[bytes]:
    """The body in pieces; what is packed gives at most `PIECE` bytes at a time, however well it was packed.

    Raises:
        Problem: 415 for another encoding than gzip, 400 for broken gzip.
    """
    if encoding not in ("", "identity", "gzip"):
        raise Problem(415, "encoding", f"Content-Encoding {encoding!r} is not known; send gzip or none.")
    unpack = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    async for chunk in chunks:
        if unpack is None:
            yield chunk
            continue
        try:
            for piece in _pieces(unpack, chunk):
                yield piece
        except zlib.error as error:
            raise Problem(400, "broken-gzip", f"The body is not whole gzip: {error}.") from None
        if unpack.unused_data:
            raise Problem(400, "broken-gzip", "Something follows the end of the gzip stream. Send one stream.")
    if unpack and not unpack.eof:
        raise Problem(400, "broken-gzip", "The gzip stream ends before its end. Send it again.")


def _pieces(unpack: "zlib._Decompress", chunk: bytes) -> Iterator[bytes]:
    while piece := unpack.decompress(chunk, PIECE):
        yield piece
        chunk = unpack.unconsumed_tail


async def read_body(pieces: AsyncIterator[bytes], limit: int) -> bytes:
    """The whole body; never much more than `limit` bytes of it in memory.

    Raises:
        Problem: 413 beyond the limit.
    """
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > limit:
            raise Problem(413, "too-large", f"The body is larger than {limit} bytes unpacked. Send it in parts.")
    return bytes(body)


@dataclass(frozen=True)
class Line:
    """A line and how long it was; where it was too long, only its beginning is kept."""

    kept: bytes
    length: int


class Lines:
    """Lines out of pieces, of which never more than one is in memory."""

    def __init__(self) -> None:
        self._rest, self._length = bytearray(), 0

    def take(self, piece: bytes) -> list[Line]:
        """The lines that end in this piece and have something in them."""
        first, *others = piece.split(b"\n")
        if not others:
            self._keep(first)
            return []
        *whole, rest = others
        lines = [self.end(first), *(Line(line, len(line)) for line in whole if line)]
        self._keep(rest)
        return [line for line in lines if line.kept.strip()]

    def end(self, last: bytes = b"") -> Line:
        """The line that ends with this."""
        self._keep(last)
        line = Line(bytes(self._rest), self._length)
        self._rest, self._length = bytearray(), 0
        return line

    def _keep(self, part: bytes) -> None:
        self._rest += part
        self._length += len(part)
        if self._length > LONGEST_LINE:
            del self._rest[SHOWN:]


async def lines_in(pieces: AsyncIterator[bytes]) -> AsyncIterator[list[Line]]:
    """The lines of a stream that have something in them, some hundred at a time."""
    lines, found, size = Lines(), list[Line](), 0
    async for piece in pieces:
        found += lines.take(piece)
        size += len(piece)
        if found and (len(found) >= TOGETHER or size >= LONGEST_LINE):
            yield found
            found, size = [], 0
    if (last := lines.end()).kept.strip():
        found.append(last)
    if found:
        yield found


def cut_lines(feed: Feed, lines: Sequence[Line]) -> list[Item]:
    """The records of some lines of a stream; a line that cannot be read is one of its own, and is rejected."""
    return [item for line in lines for item in _cut(feed, line)]


def _cut(feed: Feed, line: Line) -> list[Item]:
    try:
        if line.length > LONGEST_LINE:
            raise Flaw("record-too-long", "", f"{line.length} bytes", f"A line may have {LONGEST_LINE}.")
        return list(feed.split(line.kept))
    except Flaw as flaw:
        return [Item(None, clean(line.kept.decode(errors="replace")), flaw.reason)]
