"""The first delivery of a source waits for *Publish*; until then it is seen by its sender alone."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from bench.records import delivery
from pendler.bus import Bus, open_bus
from pendler.bus import decode as fact_in
from pendler.store import Store, open_store
from schemas.event import RecordReceived, RecordSettled, VacancyNormalised
from services.ingest import first
from services.ingest.delivery import Why, accept, cut, tell_end
from services.ingest.feed import feeds
from services.ingest.service import on_received

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
FEED = feeds()["se_jobtech"]


class Source:
    """A source that waits, with a worker that settles all that lies on the bus when it is told to."""

    def __init__(self, bus: Bus, store: Store) -> None:
        self.bus, self.store, self.done = bus, store, 0
        self.settled: list[RecordSettled] = []
        self.told: list[VacancyNormalised] = []

    async def deliver(self, body: bytes) -> None:
        await accept(self.bus, self.store, "se", FEED, cut(FEED, body), NOW)

    async def work(self) -> list[str]:
        """The outcomes of what came since."""
        records = [fact_in(record) async for record in self.bus.scan(RecordReceived.topic.name)]
        result = await on_received(self.store, records[self.done :])
        await self.bus.publish(result.events)
        await result.write()
        self.done = len(records)
        new = [event for event in result.events if isinstance(event, RecordSettled)]
        self.settled += new
        self.told += [event for event in result.events if isinstance(event, VacancyNormalised)]
        return [event.outcome for event in new]

    async def publish(self) -> None:
        """Asks for it, and lets the job come by long after."""
        assert await first.ask(self.store, "se")
        await self.store.put(first.WAITING, {"se": {"asked_at": 1.0}})
        await first.publish(self.bus, self.store, lambda: NOW)


def run(path: Path, case: Callable[[Source], Awaitable[None]]) -> None:
    async def opened() -> None:
        bus, store = open_bus(f"file:{path / 'bus'}"), open_store(f"file:{path / 'store'}", "ingest")
        try:
            await case(Source(bus, store))
        finally:
            await bus.close()
            await store.close()

    asyncio.run(opened())


def test_nothing_is_seen_before_it_is_published_and_all_of_it_after(tmp_path: Path) -> None:
    async def case(source: Source) -> None:
        bus, store = source.bus, source.store
        assert await first.begin(store, "se")
        await source.deliver(delivery(3) + b"{broken\n")
        assert await source.work() == ["held", "held", "held", "rejected"]
        assert source.settled[0].reason == first.TOLD
        newer = delivery(1).replace(b"Infirmier", b"Chirurgien")
        assert newer != delivery(1)
        await source.deliver(newer)
        await tell_end(bus, store, "se:r2", Why.FILLED, NOW)
        assert await source.work() == ["held", "unchanged"]
        assert source.told == []
        await source.publish()
        assert await source.work() == ["published", "published"]
        assert {event.ref for event in source.told} == {"se:r0", "se:r1"}, "what is over by then is not published"
        titles = {event.ref: event.vacancy.title for event in source.told if event.vacancy}
        assert "Chirurgien" in titles["se:r0"], "the newest of each"
        assert {event.news_at for event in source.told} == {None}, "and no news to anybody"
        await source.deliver(delivery(4))
        assert (await source.work())[-1] == "published", "what comes later waits no more"
        assert not await first.ask(store, "se")
        assert not await first.begin(store, "se"), "a source that has delivered does not wait again"

    run(tmp_path, case)


def test_it_is_published_only_when_all_is_settled(tmp_path: Path) -> None:
    async def case(source: Source) -> None:
        await first.begin(source.store, "se")
        await source.deliver(delivery(2))
        await source.publish()
        assert await source.store.get(first.WAITING, ["se"]), "its records are not read yet"
        assert await source.work() == ["published", "published"], "they are no longer held"
        await source.publish()
        assert not await source.store.get(first.WAITING, ["se"])
        assert await source.work() == []

    run(tmp_path, case)
