"""What every index must do: exactly what `pendler.searchable.fits` says, whatever the engine."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from pendler.esco import isco_uri
from pendler.searchable import NO_DEADLINE, Searchable, Wanted, fits, held_terms, levels, near, wanted
from pendler.terms import terms
from schemas.query import Origin, Query, Shown, Sort
from schemas.vacancy import Status
from services.search.index import BadCursor, Index, Page, open_index

Use = Callable[[Callable[[Index], Awaitable[None]]], None]
ZELZATE = Origin(name="Zelzate", lat=51.2, lon=3.81)


@pytest.fixture(params=["tantivy", pytest.param("elasticsearch", marks=pytest.mark.elasticsearch)])
def use(request: pytest.FixtureRequest, tmp_path: Path) -> Use:
    """Runs something with an index; each call opens the same one anew, as a process would."""
    url = f"file:{tmp_path}" if request.param == "tantivy" else request.getfixturevalue("emptied")
    return lambda work: using(url, work)


@pytest.fixture
def emptied(elasticsearch: Any) -> str:
    """The URL of an Elasticsearch without an index."""
    url = f"http://{elasticsearch.address}"
    httpx2.delete(f"{url}/pendler-vacancies-000001", timeout=30, trust_env=False)
    return url


def using(url: str, work: Callable[[Index], Awaitable[None]]) -> None:
    async def opened() -> None:
        index = open_index(url)
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
]


ORDERED = [(query, sort) for query in QUERIES for sort in Sort if query.near or sort is not Sort.NEAREST]


@pytest.mark.parametrize(("query", "sort"), ORDERED, ids=lambda one: one.url("") if isinstance(one, Query) else one)
def test_finds_exactly_what_fits_page_by_page(use: Use, query: Query, sort: Sort) -> None:
    documents = random_vacancies(60, seed=7)
    asked = wanted(query, ZELZATE if query.near else None)
    expected = {one.ref: one for one in documents if fits(asked, one, held_terms(one))}

    async def work(index: Index) -> None:
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
    keys = {
        Sort.NEWEST: lambda one: -one.published,
        Sort.DEADLINE: lambda one: one.deadline,
        Sort.NEAREST: lambda one: round(near(ZELZATE, one.points) or 0, 3),
        Sort.RELEVANCE: lambda one: 0,
    }
    values = [keys[sort](by_ref[ref]) for ref in refs]
    assert values == sorted(values)


def test_counts_facets_over_all_hits(use: Use) -> None:
    async def work(index: Index) -> None:
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
    async def work(index: Index) -> None:
        body = tuple(terms("wij zoeken een lasser voor de werf en nog veel meer", "nl"))
        await index.put([vacancy(1, "Medewerker werf", body=body), vacancy(2, "Lasser")])
        found = await index.search(wanted(Query(q="lasser")), Page(Sort.RELEVANCE))
        assert [hit.ref for hit in found.hits] == ["s:2", "s:1"]

    use(work)


def test_never_goes_back_to_an_older_version(use: Use) -> None:
    async def work(index: Index) -> None:
        await index.put([vacancy(1, "nieuw", order=2_000_001)])
        await index.put([vacancy(1, "oud", order=1_000_001)])
        assert (await index.search(wanted(Query(q="nieuw")), Page())).total.ads == 1
        await index.put([vacancy(1, "oud", order=2_000_002), vacancy(1, "nieuwst", order=3_000_001)])
        assert (await index.search(wanted(Query(q="nieuwst")), Page())).total.ads == 1
        assert await index.open_versions() == {"s:1": 3_000_001}

    use(work)


def test_deletes(use: Use) -> None:
    async def work(index: Index) -> None:
        await index.put([vacancy(1), vacancy(2)])
        await index.delete(["s:1", "absent"])
        assert list(await index.open_versions()) == ["s:2"]

    use(work)


def test_survives_reopening(use: Use) -> None:
    async def write(index: Index) -> None:
        await index.put([vacancy(1, "lasser")])

    async def read(index: Index) -> None:
        assert (await index.search(wanted(Query(q="lasser")), Page())).total.ads == 1

    use(write)
    use(read)


@pytest.mark.parametrize("cursor", ["rubbish", "bmV3ZXN0OngK", "ä"])
def test_a_cursor_that_is_none_is_refused(use: Use, cursor: str) -> None:
    async def work(index: Index) -> None:
        await index.put([vacancy(1)])
        with pytest.raises(BadCursor):
            await index.search(Wanted(), Page(cursor=cursor))

    use(work)
