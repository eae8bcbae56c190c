"""Vacancies a second percolated over 100,000 saved searches, and by a loop over all of them in the same run."""

import gc
import json
import random
import time
from collections.abc import Iterator
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

from pendler.esco import lexicon
from pendler.places import Places, open_places
from pendler.searchable import Searchable, fits, held_terms, levels
from pendler.terms import terms
from pendler.wanted import Wanted, wanted
from schemas.query import Query
from schemas.vacancy import Status
from services.notify.percolating import load
from services.notify.percolator import Percolator

SEARCHES, VACANCIES, LEARNING, NAIVE = 100_000, 4_000, 1_000, 12
TOWNS = [
    "Zelzate", "Gent", "Antwerpen", "Maastricht", "Aachen", "Köln", "Trier", "Metz", "Strasbourg", "Lille", "Flensburg",
    "Hamburg", "Aarhus", "København", "Malmö", "Göteborg", "Eindhoven", "Breda", "Freiburg", "Mulhouse",
]  # fmt: skip
LANGUAGES = {"BE": "nl", "NL": "nl", "DE": "de", "FR": "fr", "DK": "da", "SE": "sv"}
SYLLABLES = (
    "ge", "be", "ver", "op", "heid", "ing", "baar", "lijk", "werk", "voor", "tek", "lo", "ma", "ra", "ster", "kun",
    "dig", "uit", "zoek", "bau", "amt", "tion", "eur", "ment", "dam", "by",
)  # fmt: skip


class World:
    """Words, occupations and places, each as frequent as its rank says; the same for one seed."""

    def __init__(self, places: Places, seed: int = 1) -> None:
        self.chance = random.Random(seed)
        self.towns = [places.find(name)[0] for name in TOWNS]
        self.regions = {town: f"{town.country}{n // 4 + 1}{n % 4 + 1}1" for n, town in enumerate(self.towns)}
        self.occupations = list(lexicon().concepts())
        vocabulary = {
            "".join(self.chance.choices(SYLLABLES, k=self.chance.choice((2, 3, 3, 4)))) for _ in range(30_000)
        }
        self.vocabulary = sorted(vocabulary)
        self.chance.shuffle(self.vocabulary)
        self._words = list(accumulate(1 / (rank + 2) ** 1.07 for rank in range(len(self.vocabulary))))
        self._posts = list(accumulate(1 / (rank + 5) ** 0.8 for rank in range(len(self.occupations))))

    def words(self, count: int) -> list[str]:
        return self.chance.choices(self.vocabulary, cum_weights=self._words, k=count)

    def occupation(self) -> Any:
        return self.chance.choices(self.occupations, cum_weights=self._posts)[0]

    def searches(self) -> Iterator[dict[str, Any]]:
        """Saved searches as the search API takes them: words or occupations, mostly with a place."""
        chance = self.chance
        while True:
            town = chance.choice(self.towns)
            query: dict[str, Any] = {"lang": LANGUAGES[town.country]}
            match chance.choices(("title", "words", "code"), (45, 15, 40))[0]:
                case "title":
                    query["q"] = self.occupation().label(query["lang"])[:100]
                case "words":
                    query["q"] = " ".join(self.vocabulary[int(chance.random() ** 2 * 6000) + 30] for _ in range(2))
                case "code":
                    query["occupation"] = [self.occupation().uri for _ in range(chance.choice((1, 1, 1, 2, 3)))]
            match chance.choices(("circle", "region", "country", ""), (45, 36, 15, 4))[0]:
                case "circle":
                    query |= {"near": town.name, "km": chance.choice((10, 25, 25, 50, 100))}
                case "region":
                    query["nuts"] = [self.regions[town][: chance.choice((4, 5))]]
                case "country":
                    query["country"] = [town.country]
            yield query

    def vacancies(self) -> Iterator[Searchable]:
        for n in range(10**9):
            town, occupation = self.chance.choice(self.towns), self.occupation()
            language, point = (
                LANGUAGES[town.country],
                (town.lat + self.chance.gauss(0, 0.1), town.lon + self.chance.gauss(0, 0.15)),
            )
            yield Searchable(
                ref=f"x:{n}", order=1, status=Status.ACTIVE, source="x",
                title=tuple(terms(occupation.label(language), language)),
                body=tuple(terms(" ".join(self.words(120)), language)),
                countries=frozenset((town.country,)),
                nuts=frozenset(levels(self.regions[town])),
                occupations=frozenset((occupation.uri,)),
                points=frozenset((point,)),
            )  # fmt: skip


def percolate(folder: Path, places: Path) -> Iterator[tuple[str, float, str, dict[str, Any]]]:  # noqa: ARG001
    with_places = open_places(places)
    world = World(with_places)
    documents = list(islice(world.vacancies(), LEARNING + VACANCIES))
    queries = list(islice(world.searches(), SEARCHES))
    lines = [json.dumps({"id": str(n), "query": query}) for n, query in enumerate(queries)]
    gc.collect()
    before, began = resident(), time.process_time()
    percolator = load(lines, with_places)
    told: dict[str, Any] = {"searches": SEARCHES, "load_cpu_s": round(time.process_time() - began, 1)}
    for document in documents[:LEARNING]:
        list(percolator.matching(document))
    told["searches_mb"] = round(resident() - before)
    began = time.process_time()
    pairs = sum(len(list(percolator.matching(document))) for document in documents[LEARNING:])
    rate = VACANCIES / (time.process_time() - began)
    loop = naive(percolator, queries, with_places, documents[-NAIVE:])
    told |= {
        "matches_a_vacancy": round(pairs / VACANCIES, 1),
        "naive_loop": round(loop, 1),
        "times": round(rate / loop),
    }
    with_places.close()
    yield "percolate", rate, "vacancies/cpu-s", told


def naive(percolator: Percolator, queries: list[dict[str, Any]], places: Places, documents: list[Searchable]) -> float:
    """Vacancies a second that a loop over all searches does; both must find the same."""
    asked = {str(n): one(query, places) for n, query in enumerate(queries)}
    seconds = 0.0
    for document in documents:
        began, held = time.process_time(), held_terms(document)
        found = sorted(name for name, search in asked.items() if fits(search, document, held))
        seconds += time.process_time() - began
        assert found == sorted(percolator.matching(document))
    return len(documents) / seconds


def one(query: dict[str, Any], places: Places) -> Wanted:
    from services.notify.choices import origin_of

    read = Query.model_validate(query)
    return wanted(read, origin_of(read, places))


def resident() -> float:
    """Megabytes of this process."""
    return int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0]) / 1024
