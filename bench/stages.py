"""What one record costs at each stage of the pipeline: CPU time of one process that does them one after the other.

Of many batches the least counts: other work on the machine can only add to it.
"""

import asyncio
import shutil
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from bench.records import delivery
from bench.subscribers import subscribe_many
from pendler.bus import Bus, Record, encode, open_bus
from pendler.memory import settle_down
from pendler.run import modules
from pendler.service import Service
from pendler.settings import Settings
from schemas.event import EVENTS, Event, RecordReceived, VacancyMatched, VacancyNormalised
from services.ingest.delivery import received
from services.ingest.feed import feeds

RECORDS, BATCH, SUBSCRIPTIONS, WARM = 6000, 300, 1000, 4
ROUTE: Sequence[tuple[str, type[Event]]] = (
    ("ingest", RecordReceived), ("match", VacancyNormalised), ("search", VacancyMatched),
    ("notify", VacancyMatched), ("match", VacancyMatched),
)  # fmt: skip
Row = tuple[str, float, str, dict[str, Any]]
Costs = dict[str, list[float]]
T = TypeVar("T")


def stages(folder: Path, places: Path) -> Iterator[Row]:
    """Of each service and topic: to read, to handle, to tell (publish), to write, and the least of all together."""
    folder.mkdir()
    settings = Settings(home=folder)
    shutil.copy(places, settings.places)
    settings.make_secret()
    subscribe_many(settings.url_of("store"), places, SUBSCRIPTIONS)
    total = 0.0
    for stage, costs in asyncio.run(_measured(settings)).items():
        wholes = list(map(sum, zip(*costs.values(), strict=True)))[WARM:]
        total += min(wholes)
        parts = {part: round(min(some[WARM:]), 3) for part, some in costs.items()}
        yield f"stage {stage}", min(wholes), "CPU ms/record", {"batch": BATCH, "subscriptions": SUBSCRIPTIONS, **parts}
    yield "all stages", total, "CPU ms/record", {"records": RECORDS}


async def _measured(settings: Settings) -> Mapping[str, Costs]:
    found: dict[str, Costs] = defaultdict(lambda: defaultdict(list))
    async with _working(settings) as (bus, services):
        settle_down()
        for batch in _batches():
            there = {RecordReceived.topic.name: batch}
            for name, event in ROUTE:
                topic = event.topic.name
                for one in await _stage(bus, services[name], event, there[topic], found[f"{name} {topic}"]):
                    there.setdefault(one.topic, []).append(one)
    return found


@asynccontextmanager
async def _working(settings: Settings) -> AsyncIterator[tuple[Bus, Mapping[str, Service]]]:
    bus = open_bus(settings.url_of("bus"))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(bus.close)
        services = {name: module.from_settings(settings, bus) for name, module in modules().items()}
        for service in services.values():
            stack.push_async_callback(service.close)
            await service.start()
        yield bus, services


def _batches() -> Iterator[list[Record]]:
    feed, now = feeds()["se_jobtech"], datetime.now(UTC)
    items = list(feed.split(delivery(RECORDS)))
    doc = {"source": "se", "feed": feed.name}
    for start in range(0, RECORDS, BATCH):
        some = enumerate(items[start : start + BATCH], start + 1)
        yield [encode(received(item, n, "transfer", doc, now, False)) for n, item in some]


async def _stage(
    bus: Bus, service: Service, event: type[Event], records: Sequence[Record], costs: Costs
) -> list[Record]:
    """The delivery rule, part by part; what it published."""

    async def timed(part: str, work: Awaitable[T]) -> T:
        began = time.process_time()
        done = await work
        costs[part].append((time.process_time() - began) / len(records) * 1000)
        return done

    facts = await timed("read", _decoded(records))
    result = await timed("handled", service.handlers[event].run(facts))
    told = await timed("told", _told(bus, result.events))
    await timed("written", result.write())
    return told


async def _decoded(records: Sequence[Record]) -> list[Any]:
    """As in a process that has not met them."""
    return [EVENTS[one.topic].model_validate_json(one.value or b"") for one in records]


async def _told(bus: Bus, events: Sequence[Any]) -> list[Record]:
    records = [encode(one) for one in events]
    await bus.put(records)
    return records
