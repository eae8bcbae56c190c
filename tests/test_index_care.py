"""A generation that is built, swapped, taken back and repaired, on both engines; whatever comes meanwhile is in it."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pendler.searchable import searchable
from pendler.store import open_store
from pendler.store.sqlite import SqliteStore
from pendler.wanted import Wanted
from schemas.event import Erased, VacancyMatched
from services.search import care, generations
from services.search.care import BUILD, RECONCILE, Care, agree, differences
from services.search.generations import KEPT, Generations, Plan, change_note, change_plan, read_plan
from services.search.index import Page, open_index
from services.search.service import on_matched
from services.search.state import VACANCIES
from services.search.verify import verify
from tests.contracts.test_index import emptied  # noqa: F401 - a fixture

EXAMPLES = Path(__file__).parents[1] / "schemas" / "examples" / VacancyMatched.topic.name
OPEN = VacancyMatched.model_validate_json((EXAMPLES / "0.1-1.json").read_text("utf-8"))
COUNT = 450


def event(n: int, revision: int = 1) -> VacancyMatched:
    return OPEN.model_copy(update={"ref": f"s:{n:04}", "revision": revision})


class Search:
    """Search without a bus: what its handler is given, and its care."""

    def __init__(self, folder: Path, url: str) -> None:
        self.store: Any = open_store(f"file:{folder}", "search")
        self.index = Generations(self.store, partial(open_index, url))
        self.care = Care(self.store, self.index)

    async def told(self, *facts: VacancyMatched | Erased) -> None:
        await (await on_matched(self.store, self.index, facts)).write()

    async def built(self) -> Plan:
        plan = await change_plan(self.store, Plan.begun)
        await self.care()
        return plan

    async def found(self) -> int:
        return (await self.index.search(Wanted(), Page(limit=0))).total.ads


Run = Callable[[Callable[[Search], Awaitable[None]]], None]


@pytest.fixture(params=["tantivy", pytest.param("elasticsearch", marks=pytest.mark.elasticsearch)])
def run(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs something with search and 450 vacancies. Its one process notices each new plan at once."""
    monkeypatch.setattr(care, "NOTICED_AFTER", 0)
    monkeypatch.setattr(generations, "READ_EVERY", 0)
    url = f"file:{tmp_path}/index" if request.param == "tantivy" else request.getfixturevalue("emptied")

    async def opened(work: Callable[[Search], Awaitable[None]]) -> None:
        search = Search(tmp_path / "store", url)
        try:
            await search.told(*map(event, range(COUNT)))
            await work(search)
        finally:
            await search.index.close()
            await search.store.close()

    return lambda work: asyncio.run(opened(work))


def test_a_generation_is_built_swapped_taken_back_and_dropped(run: Run) -> None:
    async def work(search: Search) -> None:
        plan = await search.built()
        report = await verify(search.store, search.index, plan)
        assert (report["live"], report["new"], report["wrong"]) == (COUNT, COUNT, [])
        plan = await change_plan(search.store, Plan.swapped)
        assert (plan.live, plan.previous, plan.building) == (2, 1, None)
        await search.told(event(COUNT), event(1, revision=2), Erased("s:0002", VacancyMatched.topic.name))
        for number in (2, 1):
            there = await search.index.of(number).versions()
            assert (len(there), there["s:0001"]) == (COUNT, event(1, revision=2).order)
        await change_plan(search.store, Plan.back)
        assert await search.found() == COUNT
        await change_plan(search.store, Plan.dropped)
        await search.care()
        assert (await read_plan(search.store)).retired == ()
        await search.told(event(COUNT + 1))
        assert await search.found() == COUNT + 1
        assert (await change_plan(search.store, Plan.begun)).building == 3, "no number is given twice"

    run(work)


def test_what_comes_and_goes_while_it_is_built_is_in_it(run: Run) -> None:
    async def work(search: Search) -> None:
        await change_plan(search.store, Plan.begun)
        building = asyncio.create_task(search.care())
        round = 0
        while not building.done():
            refs = range(round % 7, COUNT, 7)
            facts = [event(n, revision=round + 2) for n in refs]
            await search.told(*facts[::2], *(Erased(fact.ref, fact.topic.name) for fact in facts[1::2]))
            round += 1
        await building
        assert round > 1, "nothing came while it was built"
        report = await verify(search.store, search.index, await read_plan(search.store))
        assert report["wrong"] == []
        assert report["new"] == await search.store.count(VACANCIES) < COUNT

    run(work)


def test_an_erasure_between_the_reading_and_the_writing_of_a_page_is_no_resurrection(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(search: Search) -> None:
        index, put = search.index.of(1), search.index.of(1).put

        async def late(documents: Any) -> None:
            monkeypatch.setattr(index, "put", put)
            await search.told(Erased("s:0001", VacancyMatched.topic.name))
            await put(documents)

        monkeypatch.setattr(index, "put", late)
        await agree(search.store, index, ["s:0001", "s:0002"])
        there = await index.versions()
        assert "s:0001" not in there
        assert "s:0002" in there

    run(work)


def test_a_generation_that_is_not_whole_is_refused_and_says_which_refs_differ(run: Run) -> None:
    async def work(search: Search) -> None:
        assert "index build" in (await verify(search.store, search.index, Plan()))["wrong"][0]
        plan = await search.built()
        await search.index.of(2).delete([f"s:{n:04}" for n in range(100)])
        await search.index.of(2).put([searchable(event(200, revision=3))])
        report = await verify(search.store, search.index, plan)
        assert (report["missing"], report["ahead"]) == (100, 1)
        assert {"ref": "s:0007", "kept": event(7).order, "index": None} in report["refs"]
        assert [line.split()[0] for line in report["wrong"]] == ["it", "101", "the"]

    run(work)


def test_repair_puts_right_what_is_missing_stale_and_surplus(run: Run) -> None:
    async def work(search: Search) -> None:
        index = await search.index.live()
        await index.delete(["s:0001"])
        await search.store.put(VACANCIES, {"s:0002": {**await kept(search, "s:0002"), "version": event(2, 2).order}})
        await index.put([searchable(event(COUNT + 5))])
        report = await care.repair(search.store, index)
        assert {name: report[name] for name in ("missing", "stale", "surplus", "ahead", "repaired", "refused")} == {
            "missing": 1, "stale": 1, "surplus": 1, "ahead": 0, "repaired": 3, "refused": "",
        }  # fmt: skip
        assert await differences(search.store, index) == {}

    async def kept(search: Search, ref: str) -> dict[str, Any]:
        changed = event(int(ref[2:]), revision=2)
        return {**(await search.store.get(VACANCIES, [ref]))[ref], "event": changed.model_dump_json()}

    run(work)


def test_an_empty_store_empties_no_index_and_no_version_goes_back(run: Run) -> None:
    async def work(search: Search) -> None:
        await search.index.put([searchable(event(3, revision=9))])
        await search.store.delete(VACANCIES, [f"s:{n:04}" for n in range(100, COUNT)])
        report = await care.repair(search.store, await search.index.live())
        assert "groups reset search" in report["refused"]
        assert report["repaired"] == 0
        assert await search.found() == COUNT

    run(work)


def test_it_is_reconciled_each_night_and_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    night = 20_000 * care.DAY + care.NIGHT
    times = [(night - 1, 1), (night + 5, 2), (night + 50_000, 2), (night + care.DAY, 3)]

    async def work() -> None:
        search = Search(tmp_path, f"file:{tmp_path}/index")
        for now, reports in times:
            monkeypatch.setattr(care.time, "time", lambda now=now: now)
            await search.care()
            assert (await note(search.store))["version"] == reports
        await change_note(search.store, RECONCILE, lambda _: {"asked": 1})
        await search.care()
        await search.care()
        assert (await note(search.store))["version"] == 5
        await search.index.close()
        await search.store.close()

    async def note(store: SqliteStore) -> dict[str, Any]:
        return (await store.get(KEPT, [RECONCILE]))[RECONCILE]

    asyncio.run(work())


def test_two_that_change_the_plan_at_once_both_do(tmp_path: Path) -> None:
    async def work() -> None:
        store = open_store(f"file:{tmp_path}", "search")
        await asyncio.gather(*(change_plan(store, Plan.begun) for _ in range(8)))
        plan = await read_plan(store)
        assert (plan.version, plan.last) == (8, 9)
        assert (await store.get(KEPT, [BUILD])) == {}
        await store.close()

    asyncio.run(work())
