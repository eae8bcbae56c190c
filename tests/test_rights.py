"""Which ways out a source's vacancies may take: a change reaches what is open, and nothing that may not leave does."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.exchange import Exchange, running, wait_for
from bench.records import delivery
from pendler.bus import Bus, open_bus
from pendler.bus import decode as fact_in
from pendler.store import Store, open_store
from schemas.event import Erased, Event, Outcome, RecordReceived, RecordSettled, VacancyMatched, VacancyNormalised
from schemas.rights import UNSAID, Way
from services.export.follow import Follower
from services.ingest.delivery import accept, cut
from services.ingest.feed import Item, feeds
from services.ingest.rights import change
from services.ingest.service import on_received
from services.search.service import lets_out

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
Case = Callable[[Bus, Store], Awaitable[None]]


def run(path: Path, case: Case) -> None:
    async def opened() -> None:
        bus, store = open_bus(f"file:{path / 'bus'}"), open_store(f"file:{path / 'store'}", "ingest")
        try:
            await case(bus, store)
        finally:
            await bus.close()
            await store.close()

    asyncio.run(opened())


def items(body: bytes) -> list[Item]:
    return cut(feeds()["se_jobtech"], body)


async def lying(bus: Bus, event: type[Event]) -> list[Event]:
    return [fact_in(record) async for record in bus.scan(event.topic.name)]


async def handle(bus: Bus, store: Store, past: int = 0) -> Sequence[Event | Erased]:
    """Handles what lies on the bus past the first `past` records, and publishes what came of it."""
    result = await on_received(store, (await lying(bus, RecordReceived))[past:])
    await bus.publish(result.events)
    await result.write()
    return result.events


def told(events: Sequence[Event | Erased]) -> list[VacancyNormalised]:
    return [event for event in events if isinstance(event, VacancyNormalised)]


def test_a_change_of_rights_tells_every_open_vacancy_again(tmp_path: Path) -> None:
    async def case(bus: Bus, store: Store) -> None:
        await accept(bus, store, "se", feeds()["se_jobtech"], items(delivery(3)), NOW)
        first = told(await handle(bus, store))
        assert {event.ways for event in first} == {UNSAID}, "a source that has said nothing is found and no more"
        assert await change(bus, store, "se", [Way.SEARCH, Way.CHANGES], NOW) == 3
        again = told(await handle(bus, store, 3))
        assert {(event.revision, event.ways, event.lost) for event in again} == {
            (2, (Way.SEARCH, Way.CHANGES), (Way.ALERT,))
        }
        assert [event.vacancy for event in again] == [event.vacancy for event in first]
        assert [event.news_at for event in again] == [event.news_at for event in first], "rights are no news"
        await change(bus, store, "se", [], NOW)
        assert {event.lost for event in told(await handle(bus, store, 6))} == {(Way.ALERT, Way.CHANGES, Way.SEARCH)}

    run(tmp_path, case)


def test_word_of_a_change_never_overtakes_a_newer_record(tmp_path: Path) -> None:
    async def case(bus: Bus, store: Store) -> None:
        await accept(bus, store, "se", feeds()["se_jobtech"], items(delivery(1)), NOW)
        await handle(bus, store)
        await change(bus, store, "se", list(Way), NOW)
        newer = delivery(1).replace(b"Infirmier", b"Chirurgien")
        assert newer != delivery(1)
        await accept(bus, store, "se", feeds()["se_jobtech"], items(newer), NOW)
        records = await lying(bus, RecordReceived)
        result = await on_received(store, [records[2], records[1]])
        outcomes = [event.outcome for event in result.events if isinstance(event, RecordSettled)]
        assert outcomes == [Outcome.PUBLISHED, Outcome.SUPERSEDED]
        assert [event.ways for event in told(result.events)] == [tuple(Way)], "and it has the new rights already"

    run(tmp_path, case)


def test_search_forgets_what_may_not_be_searched_for() -> None:
    event = VacancyMatched(ref="x:1", revision=2, status="active", at=NOW, ways=(Way.CHANGES,))
    assert lets_out(event) == Erased("x:1")
    allowed = event.model_copy(update={"ways": UNSAID})
    assert lets_out(allowed) is allowed


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory, places_file: Path) -> Iterator[Exchange]:
    with running(tmp_path_factory.mktemp("rights"), places_file, {"work": ()}, PENDLER_DEMO="1") as exchange:
        yield exchange


def test_a_source_appears_where_it_lets_itself_be_seen_and_nowhere_else(exchange: Exchange, tmp_path: Path) -> None:
    key = exchange.key("se")
    exchange.push("se", "se_jobtech", key, delivery(5), Prefer="wait=30")
    wait_for(lambda: found(exchange, "se") == 5, 40, "five to be found")
    assert follow(exchange, tmp_path) == 0, "neither the demonstration nor who has not said so is passed on"
    rights(exchange, "--way", "search", "--way", "changes")
    wait_for(lambda: follow(exchange, tmp_path) == 5, 40, "five to be passed on")
    rights(exchange, "--none")
    wait_for(lambda: found(exchange, "se") == 0 and follow(exchange, tmp_path) == 0, 40, "all to be gone")
    assert exchange.http.get("/v1/vacancies/se:r0").status_code == 404
    assert found(exchange, "demo-se") > 0
    exchange.command("source", "name", "se", "Voorbeelddienst")
    assert "Voorbeelddienst" in exchange.http.get("/sources").text
    assert exchange.audit()["unaccounted"] == 0


def found(exchange: Exchange, source: str) -> int:
    return int(exchange.search(source=source, limit=0)["total"]["ads"])


def rights(exchange: Exchange, *ways: str) -> None:
    exchange.command("source", "rights", "se", *ways)


def follow(exchange: Exchange, folder: Path) -> int:
    out = folder / "followed.db"
    with Follower(f"http://127.0.0.1:{exchange.port}", out, {}) as follower:
        follower.follow()
        return follower.count()
