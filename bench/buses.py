"""The bus alone with a handler that does nothing: batches against one commit a message, on both buses in one run."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.engines import missing_tools, started
from deploy.topics import ensure_topics
from pendler.bus import Delivery, open_bus
from pendler.service import Fact, Handler, Result
from schemas.event import Outcome, RecordSettled

BATCHED, SINGLE, SIZE = 20_000, 2_000, 500
SCRIPT = Path(__file__).parents[1] / "deploy" / "engines" / "kafka.sh"


def bus_alone(folder: Path, _: Path) -> Iterator[tuple[str, float, str, dict[str, Any]]]:
    """Records a second for each bus and way, and how many times faster batches are."""
    yield from _compared("log", f"file:{folder}")
    if missing := missing_tools():
        yield "bus kafka: not measured", 0, "records/s", {"missing": missing}
        return
    with started("kafka") as broker:
        ensure_topics(f"kafka://{broker.address}", {})
        yield from _compared("kafka", f"kafka://{broker.address}")


def _compared(name: str, url: str) -> Iterator[tuple[str, float, str, dict[str, Any]]]:
    batched = asyncio.run(_rate(url, f"batched-{name}", BATCHED, SIZE))
    single = asyncio.run(_rate(url, f"single-{name}", SINGLE, 1))
    yield f"bus {name}, empty handler, batches", batched, "records/s", {"size": SIZE, "records": BATCHED}
    yield f"bus {name}, empty handler, one commit a message", single, "records/s", {"size": 1, "records": SINGLE}
    yield f"bus {name}, batches over single commits", batched / single, "times", {}


async def _rate(url: str, group: str, count: int, size: int) -> float:
    """Records a second from the first to the last, of a topic that holds them already."""
    bus, stop, handled, began = open_bus(url), asyncio.Event(), 0, 0.0
    await bus.publish([_event(n) for n in range(count)])

    async def nothing_to_do(facts: Sequence[Fact]) -> Result:
        nonlocal handled, began
        began = began or time.monotonic()
        handled += len(facts)
        if handled >= count:
            stop.set()
        return Result()

    async def here(work: Any) -> Any:
        return await work

    topic = RecordSettled.topic.name
    await bus.consume(group, topic, Delivery(bus, group, topic, Handler(nothing_to_do, size=size), here), stop)
    seconds = time.monotonic() - began
    await bus.close()
    return count / seconds


def _event(n: int) -> RecordSettled:
    return RecordSettled(
        transfer="bench",
        n=n,
        source="s",
        feed="f",
        outcome=Outcome.PUBLISHED,
        ref=f"s:{n}",
        settled_at=datetime.now(UTC),
    )
