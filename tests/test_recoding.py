"""A new pack over what is matched: versions rise, the report counts and shows, nobody is mailed, nothing goes back."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from pendler.bus.log import LogBus
from pendler.esco import Concept, Pack
from pendler.places import Places
from pendler.service import Fact
from pendler.store.sqlite import SqliteStore
from schemas.event import Erased, VacancyMatched, VacancyNormalised
from schemas.query import Query
from schemas.vacancy import OccupationCode, Origin, Profile, Status, Vacancy
from services.match.aliases import harvest
from services.match.coding import LexiconCoder
from services.match.matching import matched
from services.match.recoding import recode
from services.notify.readers import Readers
from services.notify.service import on_matched
from services.notify.state import MATCHES, SUBSCRIPTIONS, State, Subscription

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WELDER, BAKER = "http://data.europa.eu/esco/occupation/welder", "http://data.europa.eu/esco/occupation/baker"
OLD = Pack(200, [Concept(WELDER, "7212", {"nl": ("lasser",)}), Concept(BAKER, "7512", {"nl": ("bakker",)})])
NEW = Pack(
    201, [Concept(WELDER, "7212", {"nl": ("lasser", "pijpfitter")}), Concept(BAKER, "7512", {"nl": ("zoetmaker",)})]
)


def event(n: int, title: str, revision: int = 1, code: str | None = None) -> VacancyNormalised:
    codes = (OccupationCode(scheme="ESCO", code=code),) if code else ()
    vacancy = Vacancy(
        origin=Origin(external_id=str(n)), profiles=(Profile(language="nl", title=title),), occupations=codes
    )
    return VacancyNormalised(
        ref=f"nl:{n}", revision=revision, status=Status.ACTIVE, at=NOW, news_at=NOW, vacancy=vacancy
    )


@pytest.fixture
def bus(tmp_path: Path) -> LogBus:
    return LogBus(str(tmp_path / "bus"))


def with_pack(pack: Pack, places: Places, facts: Sequence[Fact]) -> list[VacancyMatched | Erased]:
    return matched(facts, LexiconCoder(pack), places)


async def newest(bus: LogBus) -> dict[str, VacancyMatched]:
    """The last state of each vacancy on the topic: what compaction keeps."""
    found: dict[str, VacancyMatched] = {}
    async for record in bus.scan("vacancy.matched.v1"):
        found.pop(record.key, None)
        if record.value is not None:
            found[record.key] = VacancyMatched.model_validate_json(record.value)
    return found


@pytest.mark.usefixtures("places")
def test_every_vacancy_is_coded_with_the_new_pack_and_what_changed_is_told(bus: LogBus, places: Places) -> None:
    given = [event(1, "lasser"), event(2, "pijpfitter"), event(3, "bakker"), event(4, "bakker")]

    async def run() -> None:
        await bus.publish([*given, Erased("nl:4")])
        await bus.publish(with_pack(OLD, places, given))
        report = (await recode(bus, partial(with_pack, NEW, places), 201)).document()
        assert {name: report[name] for name in ("recoded", "changed", "left_alone")} == {
            "recoded": 3,
            "changed": 2,
            "left_alone": 0,
        }
        assert {(one["ref"], one["to"]) for one in report["sample"]} >= {("nl:2", WELDER)}
        now = await newest(bus)
        assert set(now) == {"nl:1", "nl:2", "nl:3"}, "what ingest erased is erased"
        assert {one.version for one in now.values()} == {"1.201"}
        again = (await recode(bus, partial(with_pack, NEW, places), 201)).document()
        assert (again["recoded"], again["left_alone"]) == (0, 3)
        assert set(await newest(bus)) == set(now)

    asyncio.run(run())


def test_a_newer_revision_that_came_meanwhile_stays_the_last(bus: LogBus, places: Places) -> None:
    async def run() -> None:
        await bus.publish([event(1, "lasser")])
        await bus.publish(with_pack(NEW, places, [event(1, "bakker", revision=2)]))
        old = with_pack(OLD, places, [event(1, "lasser")])
        await bus.publish(old)
        report = await recode(bus, partial(with_pack, NEW, places), 201)
        assert report.counts["restored"] == 1
        assert (await newest(bus))["nl:1"].version == "2.201"

    asyncio.run(run())


def test_nobody_is_mailed_for_it(tmp_path: Path, places: Places) -> None:
    async def run(store: SqliteStore) -> None:
        readers = Readers(store)
        one = Subscription(
            "s", "somebody", "a@example.org", "en", Query(), None, State.ACTIVE, 1.0, 1.0, NOW.timestamp() - 9
        )
        await store.put(SUBSCRIPTIONS, {"s": {**one.document(), "version": 1}})
        for pack, told in ((OLD, 1), (NEW, 1)):
            result = await on_matched(store, readers, with_pack(pack, places, [event(1, "lasser")]))
            await result.write()
            assert await store.count(MATCHES) == told

    asyncio.run(run(SqliteStore(str(tmp_path / "notify.db"))))


def test_titles_with_trusted_codes_are_harvested(bus: LogBus, places: Places) -> None:
    given = [event(1, "Laskanjer", code=WELDER), event(2, "lasser"), event(3, "Laskanjer", code=WELDER)]

    async def run() -> None:
        await bus.publish(with_pack(OLD, places, given))
        assert await harvest(bus) == {("nl", "Laskanjer", WELDER): 2}

    asyncio.run(run())


@pytest.fixture(autouse=True)
def closed(bus: LogBus) -> Iterator[None]:
    with closing(_Closing(bus)):
        yield


class _Closing:
    def __init__(self, bus: LogBus) -> None:
        self._bus = bus

    def close(self) -> None:
        asyncio.run(self._bus.close())
