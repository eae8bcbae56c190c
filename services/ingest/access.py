"""Who asks: the headers that a delivering service may send, and the source that its key speaks for."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from pydantic import BaseModel, Field

from pendler.problem import Problem
from pendler.store import Store
from services.ingest import keys
from services.ingest.feed import NO_SUCH_FEED
from services.ingest.state import SANDBOX

LONGEST_WAIT = 60
STREAMS = ("application/x-ndjson", "application/ndjson", "application/jsonl")
AT_ONCE, OF_ONE = 32, 8
"""So many deliveries are taken at a time, in all and of one source: their bodies are in memory."""


class Asked(BaseModel):
    """The headers that a delivering service may send."""

    authorization: str = Field("", description="`Bearer <key>`")
    prefer: str = Field("", description="`wait=10`: answer when all is settled, after so many seconds at most.")
    content_encoding: str = Field("", description="`gzip`, or none.")
    content_type: str = Field("", description="`application/x-ndjson`: a stream of any length, one record a line.")
    accept: str = Field("", description="`text/plain` for people; JSON otherwise.")
    idempotency_key: str = Field("", max_length=200, description="The same key and body again: the same transfer.")

    @property
    def streams(self) -> bool:
        """Whether the body is a stream of lines."""
        return self.content_type.partition(";")[0].strip().lower() in STREAMS

    @property
    def seconds(self) -> float:
        """The seconds of `Prefer: wait=10` (RFC 7240)."""
        found = re.search(r"\bwait=(\d{1,4})", self.prefer)
        return min(float(found.group(1)), LONGEST_WAIT) if found else 0.0

    async def source(self, store: Store, now: datetime, feed: str | None = None) -> str:
        """The source that the key delivers for.

        Raises:
            Problem: 401, the key is none, or not for this feed.
        """
        scheme, _, key = self.authorization.partition(" ")
        source = await keys.source_of(store, key.strip(), feed, now) if scheme.lower() == "bearer" else None
        if source is None:
            detail = "Send a valid key as `Authorization: Bearer <key>`."
            raise Problem(401, "no-valid-key", detail, {"WWW-Authenticate": "Bearer"})
        return source

    async def only(self, store: Store, now: datetime, source: str, feed: str | None = None) -> str:
        """The source that delivers: this one, or its sandbox where the key is a test key.

        Raises:
            Problem: 401 for no key; 404 where the key is another source's, which learns nothing of this one.
        """
        own = await self.source(store, now, feed)
        if source not in (own, own.removesuffix(SANDBOX)):
            raise Problem(404, "no-such-feed", NO_SUCH_FEED)
        return own


class InHand:
    """The deliveries that are being taken."""

    def __init__(self) -> None:
        self._sources: Counter[str] = Counter()

    @contextmanager
    def one_more(self, source: str) -> Iterator[None]:
        """Raises:
        Problem: 429, this source has several in hand already; 503, all sources together have.
        """
        if self._sources[source] >= OF_ONE:
            detail = f"{OF_ONE} deliveries of this source are being taken. Nothing of this was; send it again later."
            raise Problem(429, "many-deliveries", detail, {"Retry-After": "2"})
        if self._sources.total() >= AT_ONCE:
            detail = f"{AT_ONCE} deliveries are being taken. Nothing of this was; send it again later."
            raise Problem(503, "busy", detail, {"Retry-After": "5"})
        self._sources[source] += 1
        try:
            yield
        finally:
            self._sources[source] -= 1
