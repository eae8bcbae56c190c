"""Search over 100,000 generated vacancies, embedded and on Elasticsearch, the same ones and the same questions.

A vacancy is a title and sentences of the demonstration, with a place near a border, traits and pay. Questions are asked
one after another, each once, so nothing is answered from memory.
"""

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from bench.engines import missing_tools, started
from pendler.esco import ancestors
from pendler.places import open_places
from pendler.searchable import Searchable, levels
from pendler.terms import terms
from pendler.wanted import Wanted, wanted
from schemas.query import Origin, Query, Sort
from schemas.vacancy import Schedule, Status
from services.ingest.demonstration import advertisements
from services.search.index import Index, Page, open_index
from services.search.suggest import suggestions

DOCUMENTS, BATCH, ASKED, SENTENCES = 100_000, 2_000, 150, 12
TOWNS = {
    "Zelzate": (51.2, 3.81), "Terneuzen": (51.335, 3.828), "Gent": (51.05, 3.72), "Malmö": (55.605, 13.0),
    "København": (55.676, 12.568), "Flensburg": (54.78, 9.43), "Strasbourg": (48.573, 7.752), "Aachen": (50.776, 6.084),
}  # fmt: skip
COUNTRY = dict(zip(TOWNS, ("BE", "NL", "BE", "SE", "DK", "DE", "FR", "DE"), strict=True))
REGION = dict(zip(TOWNS, ("BE234", "NL341", "BE234", "SE224", "DK011", "DEF01", "FRF11", "DEA2D"), strict=True))
Row = tuple[str, float, str, dict[str, Any]]


def search(folder: Path, places: Path) -> Iterator[Row]:
    """Milliseconds of each kind of question, on each engine."""
    yield from asyncio.run(_measured("embedded", f"file:{folder}/index"))
    yield from _suggested(places)
    if missing := missing_tools():
        yield "search elasticsearch: not measured", 0, "", {"missing": missing}
        return
    with started("elasticsearch") as engine:
        yield from asyncio.run(_measured("elasticsearch", f"http://{engine.address}"))


async def _measured(name: str, url: str) -> list[Row]:
    index = open_index(url)
    began = time.monotonic()
    for start in range(0, DOCUMENTS, BATCH):
        await index.put([vacancy(n) for n in range(start, start + BATCH)])
    taken = time.monotonic() - began
    rows: list[Row] = [(f"search/{name}, made and put", DOCUMENTS / taken, "documents/s", {"documents": DOCUMENTS})]
    for kind, asked in questions().items():
        times, found = await _timed(index, asked)
        told = {"documents": DOCUMENTS, "questions": len(asked), "median hits": found}
        rows.append((f"search/{name}, {kind}, p50", median(times), "ms", told))
        rows.append((f"search/{name}, {kind}, p95", sorted(times)[int(len(times) * 0.95)], "ms", told))
    await index.close()
    return rows


async def _timed(index: Index, asked: Sequence[tuple[Wanted, Page]]) -> tuple[list[float], float]:
    times, found = [], []
    for one, page in asked:
        began = time.perf_counter()
        found.append((await index.search(one, page)).total.ads)
        times.append((time.perf_counter() - began) * 1000)
    return times, median(found)


def questions() -> dict[str, list[tuple[Wanted, Page]]]:
    """By kind: what is asked, and in which order."""
    chance, words = random.Random(5), _title_words()

    def origin() -> Origin:
        lat, lon = TOWNS[chance.choice(list(TOWNS))]
        return Origin(name="", lat=lat + chance.uniform(-0.1, 0.1), lon=lon + chance.uniform(-0.1, 0.1))

    def some(sort: Sort, **asked: Any) -> tuple[Wanted, Page]:
        asked = {name: value() if callable(value) else value for name, value in asked.items()}
        return wanted(Query(sort=sort, **asked), origin() if "near" in asked else None), Page(sort)

    def word() -> str:
        return chance.choice(words)

    def many(sort: Sort, **asked: Any) -> list[tuple[Wanted, Page]]:
        return [some(sort, **asked) for _ in range(ASKED)]

    return {
        "text + radius + four facets": many(Sort.RELEVANCE, q=word, near="x", km=40, also=("no",)),
        "text with its meanings + minutes": many(Sort.NEAREST, q=word, near="x", minutes=45),
        "text + languages + pay + hours": many(
            Sort.NEWEST, q=word, speaks=("nl", "de"), pay=lambda: chance.randint(20, 60) * 1000,
            schedule=(Schedule.FULL_TIME,),
        ),
        "phrase": many(Sort.NEWEST, q=lambda: f'"{chance.choice(_phrases())}"'),
        "country, facets without their own filter": many(Sort.NEWEST, q=word, country=("NL", "DE")),
    }  # fmt: skip


@cache
def _sentences() -> list[tuple[str, ...]]:
    return [
        tuple(terms(sentence, ad["language"]))
        for ad in advertisements()
        for sentence in ad["text"].replace("\n", " ").split(". ")
    ]


@cache
def _titles() -> list[tuple[tuple[str, ...], str]]:
    return [(tuple(terms(ad["title"], ad["language"])), str(ad["isco"])) for ad in advertisements()]


@cache
def _title_words() -> list[str]:
    return sorted({word for ad in advertisements() for word in ad["title"].lower().split() if word.isalpha()})


@cache
def _phrases() -> list[str]:
    texts = [sentence.split() for ad in advertisements() for sentence in ad["text"].split(". ")]
    return [" ".join(words[1:3]) for words in texts if len(words) > 3 and all(word.isalpha() for word in words[1:3])]


def vacancy(n: int) -> Searchable:
    """The n-th vacancy: the same each time."""
    chance = random.Random(n)
    title, isco = chance.choice(_titles())
    town = chance.choice(list(TOWNS))
    lat, lon = (one + chance.gauss(0, 0.25) for one in TOWNS[town])
    return Searchable(
        ref=f"s{n % 7}:{n}",
        order=1_000_001,
        status=Status.ACTIVE,
        source=f"s{n % 7}",
        title=title,
        body=tuple(term for sentence in chance.sample(_sentences(), SENTENCES) for term in sentence),
        countries=frozenset({COUNTRY[town]}),
        nuts=frozenset(levels(REGION[town])),
        occupations=frozenset(ancestors(isco)),
        main_occupation=ancestors(isco)[0],
        points=frozenset({(round(lat, 2), round(lon, 2))}),
        published=1_790_000_000 + n * 30,
        positions=chance.randint(1, 4),
        traits=frozenset(
            {
                chance.choice(["schedule=FullTime", "schedule=PartTime", "schedule=?"]),
                chance.choice(["speaks=nl", "speaks=de", "speaks=fr+nl", "speaks~nl", "speaks~de"]),
            }
        ),
        pay=chance.choice([0, chance.randint(20_000, 70_000)]),
    )


def _suggested(places: Path) -> Iterator[Row]:
    """What is being typed, and whole words with two letters swapped; the titles are read before."""
    words, opened = [word for word in _title_words() if len(word) > 5], open_places(places)
    suggestions("zzzzz", "nl", opened)
    typed = {
        "beginnings": [word[:length] for word in words for length in (3, 5)][:ASKED],
        "mistyped": [f"{word[:3]}{word[4]}{word[3]}{word[5:]}" for word in words][:ASKED],
    }
    for kind, texts in typed.items():
        times = []
        for text in texts:
            began = time.perf_counter()
            suggestions(text, "nl", opened)
            times.append((time.perf_counter() - began) * 1000)
        yield f"search/suggest, {kind}, p50", median(times), "ms", {"questions": len(texts)}
        yield f"search/suggest, {kind}, p95", sorted(times)[int(len(times) * 0.95)], "ms", {"questions": len(texts)}
    opened.close()
