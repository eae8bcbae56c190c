"""How fast the change feed leaves: a snapshot over HTTP, in records a second, and what it does to the web process."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.exchange import Exchange, running
from bench.records import delivery
from schemas.event import VacancyMatched
from schemas.rights import Way
from schemas.vacancy import Status
from services.ingest.feed import feeds
from services.ingest.service import reading

COUNT, AT_ONCE = 30_000, 1_000
NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)


def follow(folder: Path, places: Path) -> Iterator[tuple[str, float, str, dict[str, Any]]]:
    """A snapshot of `COUNT` open vacancies of about 3 kB, unpacked and packed; each round whole."""
    with running(folder / "home", places, {}) as exchange:
        size = asyncio.run(_publish(exchange))
        for encoding in ("identity", "gzip"):
            before = exchange.resident()["web"]
            began = time.monotonic()
            told = _read(exchange, encoding)
            seconds = time.monotonic() - began
            assert told["vacancies"] == COUNT, "a snapshot that is not whole is no measure"
            grown = round(exchange.resident()["web"] - before, 1)
            conditions = {"encoding": encoding, "bytes each": size, "web grew by MB": grown, **told}
            yield "snapshot over HTTP", COUNT / seconds, "records/s", conditions


async def _publish(exchange: Exchange) -> int:
    """How long a state is, in bytes."""
    feed = feeds()["se_jobtech"]
    vacancies = [reading(feed, item.body, NOW).vacancy for item in feed.split(delivery(AT_ONCE))]  # type: ignore[union-attr]
    bus, ways = exchange.bus(), (Way.SEARCH, Way.SNAPSHOT)
    for start in range(0, COUNT, AT_ONCE):
        events = [
            VacancyMatched(ref=f"x:{start + n}", revision=1, status=Status.ACTIVE, at=NOW, vacancy=one, ways=ways)
            for n, one in enumerate(vacancies)
        ]
        await bus.publish(events)
    await bus.close()
    return len(events[0].model_dump_json(exclude_none=True))


def _read(exchange: Exchange, encoding: str) -> dict[str, int]:
    told = {"vacancies": 0, "MB over the line": 0}
    with exchange.http.stream("GET", "/v1/snapshot", headers={"Accept-Encoding": encoding}) as answer:
        for chunk in answer.iter_bytes():
            told["vacancies"] += chunk.count(b'{"ref":')
        told["MB over the line"] = answer.num_bytes_downloaded // 1_000_000
    return told
