"""What every index must do: exactly what `pendler.searchable.fits` says, whatever the engine."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import httpx2
import pytest

from pendler.esco import isco_uri
from pendler.searchable import NO_DEADLINE, Searchable, fits, held_terms, levels, near
from pendler.service import Unavailable
from pendler.terms import terms
from pendler.wanted import Said, Wanted, wanted
from schemas.query import Origin, Query, Shown, Sort
from schemas.vacancy import Schedule, Status
from services.search.index import BadCursor, Count, Generation, Page, band_of, open_index
from services.search.index.elastic import SETTINGS
from services.search.index.elastic_words import MAPPINGS

Work = Callable[[Generation], Awaitable[None]]


class Use(Protocol):
    """Runs something with an index; each call opens the same one anew, as a process would."""

    def __call__(self, work: Work, generation: int = 1) -> None: ...


ZELZATE = Origin(name="Zelzate", lat=51.2, lon=3.81)


@pytest.fixture(params=["tantivy", pytest.param("elasticsearch", marks=pytest.mark.elasticsearch)])
def use(request: pytest.FixtureRequest, tmp_path: Path) -> Use:
    url = f"file:{tmp_path}" if request.param == "tantivy" else request.getfixturevalue("emptied")
    return lambda work, generation=1: using(url, work, generation)


@pytest.fixture
def emptied(elasticsearch: Any) -> str:
    """The URL of an Elasticsearch without an index."""
    url = f"http://{elasticsearch.address}"
    for generation in (1, 2, 3):
        httpx2.delete(f"{url}/pendler-vacancies-{generation:06}", timeout=30, trust_env=False)
    return url


def using(url: str, work: Work, generation: int = 1) -> None:
    async def opened() -> None:
        index = open_index(url, generation)
        try:
            await work(index)
        finally:
            await index.close()

    asyncio.run(opened())


def vacancy(n: int, title: str = "", **members: object) -> Searchable:
    made = Searchable(
        ref=f"s:{n}",
        order=1_000_001,
        status=Status.ACTIVE,
        source="s",
        title=tuple(terms(title, "nl")),
        published=1000 + n,
    )
    return replace(made, **members)  # type: ignore[arg-type]


TRAITS = [
    ("schedule=FullTime", "schedule=PartTime", "schedule=Any", "schedule=?"),
    ("speaks=nl", "speaks=fr+nl", "speaks=de", "speaks~nl", "speaks~de", "speaks~?"),
    ("licence=B", "licence=B+C", "licence=any", "licence=?"),
    ("education=3", "education=6", "education=?"),
    ("remote=yes", "remote=no", "remote=?"),
    ("employer=staalbouw noord",),
    ("http://data.europa.eu/esco/skill/1",),
]


def random_vacancies(count: int, seed: int) -> list[Searchable]:
    chance = random.Random(seed)
    words = ["lasser", "kok", "verpleegkundige", "gezocht", "ploeg", "nacht"]
    return [
        vacancy(
            n,
            " ".join(chance.sample(words, 3)),
            body=tuple(terms(" ".join(chance.sample(words, 2)), "nl")),
            status=chance.choice([Status.ACTIVE, Status.ACTIVE, Status.CLOSED]),
            source=chance.choice(["a", "b"]),
            countries=frozenset(chance.sample(["NL", "BE", "DE"], chance.randint(0, 2))),
            nuts=frozenset(levels(chance.choice(["NL341", "BE234", "BE235"]))),
            occupations=frozenset({isco_uri("7212")} if chance.random() < 0.3 else ()),
            points=frozenset((51 + chance.random(), 3.3 + chance.random()) for _ in range(chance.choice([0, 1, 1, 2]))),
            positions=chance.randint(1, 5),
            published=chance.randint(0, 50),
            deadline=chance.choice([NO_DEADLINE, chance.randint(100, 200)]),
            traits=frozenset(chance.choice(tokens) for tokens in TRAITS if chance.random() < 0.9),
            pay=chance.choice([0, 30_000, 45_000, 60_000]),
        )
        for n in range(count)
    ]


QUERIES = [
    Query(),
    Query(q="lasser"),
    Query(q="Lassers nacht", lang="nl"),
    Query(country=("NL",)),
    Query(country=("NL", "BE"), q="kok"),
    Query(nuts=("BE23",)),
    Query(nuts=("BE234", "NL34")),
    Query(occupation=("7212",)),
    Query(source=("b",), status=Shown.ANY),
    Query(status=Shown.CLOSED),
    Query(near="Zelzate", km=30),
    Query(near="Zelzate", km=15, q="ploeg", country=("NL",)),
    Query(q="nothing-has-this"),
    Query(q='"kok gezocht"'),
    Query(q='nacht -"kok gezocht" -ploeg', lang="nl"),
    Query(q="-lasser"),
    Query(q="welder", lang="en"),  # in no text: only what is coded 7212
    Query(q="lassers ploeg", also=("lassers=http://data.europa.eu/esco/skill/1",)),
    Query(schedule=(Schedule.FULL_TIME,)),
    Query(schedule=(Schedule.FULL_TIME,), strict=True),
    Query(speaks=("nl", "fr"), licence=("B",)),
    Query(speaks=("nl", "fr"), pay=40_000, strict=True),
    Query(pay=40_000, education=3, remote="yes", country=("NL", "BE")),
    Query(pay=40_000, near="Zelzate", km=40),
    Query(employer=("Staalbouw Noord",), skill=("http://data.europa.eu/esco/skill/1",)),
    Query(since=date(1970, 1, 1), partnership=("scheldemond",)),
    Query(partnership=("scheldemond",), nuts=("BE",)),
    Query(partnership=("oresund",), nuts=("BE",)),
    Query(near="Zelzate", minutes=35),
    Query(near="Zelzate", minutes=50, q="nacht"),
]


@pytest.mark.parametrize("said", Said)
def test_those_that_meet_and_those_that_do_not_say_are_told_apart(use: Use, said: Said) -> None:
    documents = random_vacancies(200, seed=3)
    asked = replace(wanted(Query(speaks=("nl", "fr"), pay=40_000, schedule=(Schedule.FULL_TIME,))), said=said)
    expected = {one.ref for one in documents if fits(asked, one, held_terms(one))}
    assert 0 < len(expected) < 200

    async def work(index: Generation) -> None:
        await index.put(documents)
        assert {hit.ref for hit in (await index.search(asked, Page(limit=100))).hits} == expected

    use(work)


def test_a_facet_is_counted_without_its_own_filter(use: Use) -> None:
    documents = random_vacancies(200, seed=5)
    asked = wanted(Query(country=("NL",), source=("a",), q="kok", near="Zelzate", km=45), ZELZATE)
    free = replace(asked, countries=frozenset())
    fitting = [one for one in documents if fits(free, one, held_terms(one))]

    async def work(index: Generation) -> None:
        await index.put(documents)
        found = (await index.search(asked, Page(limit=0))).facets
        for country in ("NL", "BE", "DE"):
            there = [one for one in fitting if country in one.countries]
            assert found["country"][country] == Count(len(there), sum(one.positions for one in there))
        here = [one for one in fitting if "NL" in one.countries]
        assert sum(count.ads for count in found["nuts"].values()) == len(here)
        assert set(found["source"]) == {"a", "b"}

    use(work)


ORDERED = [(query, sort) for query in QUERIES for sort in Sort if query.near or sort is not Sort.NEAREST]


@pytest.mark.parametrize(("query", "sort"), ORDERED, ids=lambda one: one.url("") if isinstance(one, Query) else one)
def test_finds_exactly_what_fits_page_by_page(use: Use, query: Query, sort: Sort) -> None:
    documents = random_vacancies(60, seed=7)
    asked = wanted(query, ZELZATE if query.near else None)
    expected = {one.ref: one for one in documents if fits(asked, one, held_terms(one))}

    async def work(index: Generation) -> None:
        await index.put(documents)
        refs, cursor = [], ""
        while True:
            found = await index.search(asked, Page(sort, 7, cursor))
            refs += [hit.ref for hit in found.hits]
            if not (cursor := found.cursor):
                break
        assert sorted(refs) == sorted(expected)
        assert found.total.ads == len(expected)
        assert found.total.posts == sum(one.positions for one in expected.values())
        assert_order(refs, expected, sort)

    use(work)


def assert_order(refs: list[str], by_ref: dict[str, Searchable], sort: Sort) -> None:
    keys: dict[Sort, Callable[[Searchable], Any]] = {
        Sort.NEWEST: lambda one: -one.published,
        Sort.DEADLINE: lambda one: one.deadline,
        Sort.NEAREST: lambda one: (band_of(near(ZELZATE, one.points) or 0), -one.published),
        Sort.RELEVANCE: lambda one: 0,
    }
    values = [keys[sort](by_ref[ref]) for ref in refs]
    assert values == sorted(values)


def test_counts_facets_over_all_hits(use: Use) -> None:
    async def work(index: Generation) -> None:
        await index.put([vacancy(n, countries=frozenset({"NL"}), positions=n) for n in (1, 2)])
        await index.put([vacancy(3, countries=frozenset({"BE", "NL"}), nuts=frozenset(levels("BE234")))])
        facets = (await index.search(Wanted(), Page(limit=0))).facets
        assert {value: (count.ads, count.posts) for value, count in facets["country"].items()} == {
            "NL": (3, 4),
            "BE": (1, 1),
        }
        assert list(facets["nuts"]) == ["BE234"]

    use(work)


def test_the_best_title_comes_first(use: Use) -> None:
    async def work(index: Generation) -> None:
        body = tuple(terms("wij zoeken een lasser voor de werf en nog veel meer", "nl"))
        await index.put([vacancy(1, "Medewerker werf", body=body), vacancy(2, "Lasser")])
        found = await index.search(wanted(Query(q="lasser")), Page(Sort.RELEVANCE))
        assert [hit.ref for hit in found.hits] == ["s:2", "s:1"]

    use(work)


def test_never_goes_back_to_an_older_version(use: Use) -> None:
    async def work(index: Generation) -> None:
        await index.put([vacancy(1, "nieuw", order=2_000_001)])
        await index.put([vacancy(1, "oud", order=1_000_001)])
        assert (await index.search(wanted(Query(q="nieuw")), Page())).total.ads == 1
        await index.put([vacancy(1, "oud", order=2_000_002), vacancy(1, "nieuwst", order=3_000_001)])
        assert (await index.search(wanted(Query(q="nieuwst")), Page())).total.ads == 1
        assert await index.open_versions() == {"s:1": 3_000_001}

    use(work)


def test_deletes(use: Use) -> None:
    async def work(index: Generation) -> None:
        await index.put([vacancy(1), vacancy(2)])
        await index.delete(["s:1", "absent"])
        assert list(await index.open_versions()) == ["s:2"]

    use(work)


def test_survives_reopening(use: Use) -> None:
    async def write(index: Generation) -> None:
        await index.put([vacancy(1, "lasser")])

    async def read(index: Generation) -> None:
        assert (await index.search(wanted(Query(q="lasser")), Page())).total.ads == 1

    use(write)
    use(read)


@pytest.mark.parametrize("cursor", ["rubbish", "bmV3ZXN0OngK", "ä"])
def test_a_cursor_that_is_none_is_refused(use: Use, cursor: str) -> None:
    async def work(index: Generation) -> None:
        await index.put([vacancy(1)])
        with pytest.raises(BadCursor):
            await index.search(Wanted(), Page(cursor=cursor))

    use(work)


@pytest.mark.parametrize("word", ["*", "la*", "title:lasser", '"', "AND", "/.*/", "{}", "\\", "\u2028", "😀"])
def test_text_is_never_taken_for_syntax(use: Use, word: str) -> None:
    documents = [vacancy(1, "lasser gezocht"), vacancy(2, body=("kok",))]
    asked = wanted(Query(q=f"lasser {word}"))

    async def work(index: Generation) -> None:
        await index.put(documents)
        found = await index.search(asked, Page())
        assert [hit.ref for hit in found.hits] == [one.ref for one in documents if fits(asked, one, held_terms(one))]
        raw = Wanted(words=((word,),), sources=frozenset({word, "s"}))
        assert (await index.search(raw, Page())).total.ads == 0

    use(work)


REFS = ["x:a b", "x:%2F/../{}", "x:\"'\\", "x:_source", "x:" + "å" * 200, "x:" + "漢" * 200]


def test_refs_may_hold_anything_a_source_writes(use: Use) -> None:
    async def work(index: Generation) -> None:
        await index.put([replace(vacancy(n), ref=ref) for n, ref in enumerate(REFS)])
        assert sorted(await index.open_versions()) == sorted(REFS)
        await index.delete(REFS[2:])
        assert {hit.ref for hit in (await index.search(Wanted(), Page())).hits} == set(REFS[:2])

    use(work)


def test_an_empty_index_answers(use: Use) -> None:
    async def work(index: Generation) -> None:
        for sort in (Sort.NEWEST, Sort.RELEVANCE, Sort.DEADLINE, Sort.NEAREST):
            found = await index.search(Wanted(origin=ZELZATE), Page(sort))
            assert (found.total.ads, found.total.posts, list(found.hits), found.cursor) == (0, 0, [], "")
        assert await index.open_versions() == {}
        await index.put([])
        await index.delete([])

    use(work)


def test_two_thousand_documents_page_by_page(use: Use) -> None:
    documents = random_vacancies(2000, seed=11)
    asked = Wanted(origin=ZELZATE, km=40)
    expected = {one.ref for one in documents if fits(asked, one, held_terms(one))}

    async def work(index: Generation) -> None:
        await index.put(documents)
        assert await index.open_versions() == {one.ref: one.order for one in documents if one.status is Status.ACTIVE}
        for sort in (Sort.NEWEST, Sort.NEAREST):
            refs: list[str] = []
            cursor: str | None = None
            while cursor != "":
                found = await index.search(asked, Page(sort, 100, cursor or ""))
                refs, cursor = refs + [hit.ref for hit in found.hits], found.cursor
            assert len(refs) == len(set(refs)) == found.total.ads
            assert set(refs) == expected

    use(work)


def test_the_rim_of_a_circle_is_where_our_distances_say(use: Use) -> None:
    """Points a metre apart across 30 km: a circle on the engine's earth would end elsewhere."""
    off = [n * 1e-5 for n in range(-20, 21)]
    points = [(round(51.2 + 30 / (6371 * 3.141592653589793 / 180) + one, 5), 3.81) for one in off]
    documents = [vacancy(n, points=frozenset({point})) for n, point in enumerate(points)]
    asked = Wanted(origin=ZELZATE, km=30)
    expected = {one.ref for one in documents if (near(ZELZATE, one.points) or 0) <= 30}
    assert 0 < len(expected) < len(documents)

    async def work(index: Generation) -> None:
        await index.put(documents)
        found = await index.search(asked, Page(limit=100))
        assert {hit.ref for hit in found.hits} == expected
        assert found.total.ads == len(expected)
        assert all(hit.km is not None and hit.km <= 30 for hit in found.hits)

    use(work)


def test_the_newest_of_two_puts_at_once_stays(use: Use) -> None:
    async def work(index: Generation) -> None:
        versions = [[vacancy(n, order=order) for n in range(50)] for order in (5, 9, 7, 3)]
        await asyncio.gather(*map(index.put, versions))
        assert set((await index.open_versions()).values()) == {9}

    use(work)


def test_the_same_version_again_replaces_and_what_is_deleted_may_come_back(use: Use) -> None:
    async def work(index: Generation) -> None:
        await index.put([vacancy(1, "oud")])
        await index.put([vacancy(1, "nieuw")])
        assert (await index.search(wanted(Query(q="nieuw")), Page())).total.ads == 1
        await index.delete(["s:1"])
        await index.put([vacancy(1, "terug", order=7)])
        assert await index.open_versions() == {"s:1": 7}

    use(work)


def test_generations_know_nothing_of_one_another_and_each_can_be_dropped(use: Use) -> None:
    async def first(index: Generation) -> None:
        await index.put([vacancy(1), vacancy(2, status=Status.CLOSED)])

    async def second(index: Generation) -> None:
        assert await index.versions() == {}
        await index.put([vacancy(3)])

    async def both(index: Generation) -> None:
        assert await index.versions() == {"s:1": 1_000_001, "s:2": 1_000_001}
        assert list(await index.open_versions()) == ["s:1"]

    async def empty(index: Generation) -> None:
        assert await index.versions() == {}

    use(first)
    use(second, 2)
    use(both)
    use(lambda index: index.drop(), 2)
    use(both)
    use(empty, 2)
    use(lambda index: index.drop(), 3)  # was not there


@pytest.mark.elasticsearch
def test_readers_from_outside_find_the_generation_that_was_published_last(emptied: str) -> None:
    async def work(index: Generation) -> None:
        await index.put([vacancy(1)])
        await index.publish()

    for generation in (1, 2, 2, 1):
        using(emptied, work, generation)
        named = httpx2.get(f"{emptied}/_alias/pendler-vacancies", timeout=30, trust_env=False).json()
        assert list(named) == [f"pendler-vacancies-{generation:06}"]


@pytest.mark.elasticsearch
def test_an_index_from_before_there_were_generations_is_the_first(emptied: str) -> None:
    index = {"aliases": {"pendler-vacancies": {}}, "settings": SETTINGS, "mappings": MAPPINGS}
    at = f"{emptied}/pendler-vacancies-000001"
    httpx2.put(at, json=index, timeout=30, trust_env=False).raise_for_status()

    async def work(index: Generation) -> None:
        await index.put([vacancy(1)])
        assert list(await index.versions()) == ["s:1"]

    using(emptied, work)


@pytest.mark.elasticsearch
def test_an_engine_that_is_away_is_unavailable_and_comes_back_with_what_it_had(
    elasticsearch: Any, emptied: str
) -> None:
    async def work(index: Generation) -> None:
        await index.put([vacancy(1)])
        await asyncio.to_thread(elasticsearch.run, "kill")
        try:
            for attempt in (index.search(Wanted(), Page()), index.put([vacancy(2)]), index.open_versions()):
                with pytest.raises(Unavailable, match="pendler-vacancies"):
                    await attempt
        finally:
            await asyncio.to_thread(elasticsearch.run, "start")
        await index.put([vacancy(2)])
        assert sorted(await index.open_versions()) == ["s:1", "s:2"]

    using(emptied, work)


@pytest.mark.elasticsearch
def test_an_index_that_somebody_took_away_is_not_made_by_accident(emptied: str) -> None:
    async def work(index: Generation) -> None:
        await index.put([vacancy(1)])
        httpx2.delete(f"{emptied}/pendler-vacancies-000001", timeout=30, trust_env=False).raise_for_status()
        for attempt in (index.put([vacancy(2)]), index.search(Wanted(), Page())):
            with pytest.raises(Unavailable, match="pendler-vacancies"):
                await attempt

    using(emptied, work)


def test_an_unknown_scheme_is_named() -> None:
    with pytest.raises(ValueError, match="PENDLER_INDEX"):
        open_index("floppy://a")
