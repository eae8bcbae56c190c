"""The percolator gives exactly the subscriptions that a loop over all of them would, wherever on the globe."""

import math
import random
from collections.abc import Callable, Iterable, Mapping

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from pendler.esco import ancestors, isco_uri
from pendler.places import distance_km
from pendler.searchable import Searchable, fits, held_terms, levels
from pendler.terms import terms
from pendler.wanted import Wanted, wanted
from schemas.query import Origin, Query, Shown
from schemas.vacancy import Status
from services.notify import percolator as percolation
from services.notify.circles import cell, circle, places_within, reaches, size_for
from services.notify.percolator import Percolator

WORDS = ["lasser", "constructielasser", "kok", "koks", "verpleegkundige", "nacht", "ploeg", "c++", "sykepleier"]
LANGUAGES = [None, "nl", "nb"]
COUNTRIES = ["NL", "BE", "DE"]
REGIONS = ["NL341", "BE234", "BE235", "DE111"]
GROUPS = ["7212", "7213", "2221"]
SEED = 20261123


def random_wanted(chance: random.Random) -> Wanted:
    around = Origin(name="x", lat=51 + 2 * chance.random(), lon=3 + 3 * chance.random())
    near = chance.random() < 0.4
    query = Query(
        q=" ".join(chance.sample(WORDS, chance.choice([0, 0, 1, 1, 2, 3]))),
        lang=chance.choice(LANGUAGES),
        country=tuple(chance.sample(COUNTRIES, chance.choice([0, 0, 0, 1, 2]))),
        nuts=tuple(code[: chance.randint(2, 5)] for code in chance.sample(REGIONS, chance.choice([0, 0, 0, 1, 2]))),
        occupation=tuple(chance.sample([*GROUPS, "72", "2"], chance.choice([0, 0, 0, 1, 2]))),
        source=tuple(chance.sample(["a", "b"], chance.choice([0, 0, 0, 1]))),
        near="x" if near else "",
        km=chance.choice([1, 5, 20, 50, 200, 500]),
        status=chance.choice([Shown.ACTIVE, Shown.ACTIVE, Shown.CLOSED, Shown.ANY]),
    )
    return wanted(query, around if near else None)


def random_point(chance: random.Random) -> tuple[float, float]:
    return 51 + 2 * chance.random(), 3 + 3 * chance.random()


def random_vacancy(chance: random.Random, n: int) -> Searchable:
    language = chance.choice(LANGUAGES)
    return Searchable(
        ref=f"s:{n}",
        order=1,
        status=chance.choice([Status.ACTIVE, Status.ACTIVE, Status.ACTIVE, Status.CLOSED, Status.EXPIRED]),
        source=chance.choice(["a", "b"]),
        title=tuple(terms(" ".join(chance.sample(WORDS, 2)), language)),
        body=tuple(terms(" ".join(chance.sample(WORDS, 4)), language)),
        countries=frozenset(chance.sample(COUNTRIES, chance.randint(0, 2))),
        nuts=frozenset(code for region in chance.sample(REGIONS, chance.randint(0, 2)) for code in levels(region)),
        occupations=frozenset(code for isco in chance.sample(GROUPS, chance.randint(0, 1)) for code in ancestors(isco)),
        points=frozenset(random_point(chance) for _ in range(chance.choice([0, 1, 1, 3]))),
    )


def vacancies(count: int = 200) -> list[Searchable]:
    chance = random.Random(SEED)
    return [random_vacancy(chance, n) for n in range(count)]


def subscriptions(count: int = 300, seed: int = SEED) -> dict[str, Wanted]:
    chance = random.Random(seed)
    return {f"one{n}": random_wanted(chance) for n in range(count)}


def filled(asked: Mapping[str, Wanted]) -> Percolator:
    made = Percolator()
    for identity, one in asked.items():
        made.add(identity, one)
    return made


def assert_as_the_loop(percolator: Percolator, asked: Mapping[str, Wanted], documents: Iterable[Searchable]) -> int:
    """That both find the same; how many pairs they found."""
    count = 0
    for document in documents:
        held = held_terms(document)
        found = list(percolator.matching(document))
        assert sorted(found) == sorted(identity for identity, one in asked.items() if fits(one, document, held))
        count += len(found)
    return count


def test_finds_what_a_loop_over_all_subscriptions_finds() -> None:
    asked = subscriptions()
    found = assert_as_the_loop(filled(asked), asked, vacancies())
    assert found > 1000, f"only {found} pairs fit: the test says little"


def test_a_thousand_vacancies_find_what_a_loop_finds_with_filters_of_every_kind(tell: Callable[[object], None]) -> None:
    asked, documents = subscriptions(1200), vacancies(1000)
    percolator = filled(asked)
    found = [list(percolator.matching(document)) for document in documents]
    matched = sum(map(bool, found)) / len(documents)
    tell(f"{sum(map(len, found))} pairs; {matched:.0%} of the vacancies fit something")
    assert matched >= 0.95
    for kind in ("words", "occupations", "origin", "nuts", "countries", "sources"):
        assert sum(bool(getattr(one, kind)) for one in asked.values()) >= 50
        assert any(getattr(asked[identity], kind) for fitting in found for identity in fitting)
    assert_as_the_loop(percolator, asked, documents)


def test_finds_the_same_after_removals_and_replacements() -> None:
    asked, chance = subscriptions(), random.Random(SEED)
    percolator = filled(asked)
    for identity in chance.sample(sorted(asked), 100):
        percolator.remove(identity)
        del asked[identity]
    for identity, one in zip(chance.sample(sorted(asked), 100), subscriptions(100, seed=1).values(), strict=True):
        percolator.add(identity, one)
        asked[identity] = one
    assert len(percolator) == len(asked) == 200
    assert assert_as_the_loop(percolator, asked, vacancies()) > 500


def test_nothing_is_left_when_all_are_removed() -> None:
    asked = subscriptions(50)
    percolator = filled(asked)
    for identity in [*asked, *asked, "never there"]:
        percolator.remove(identity)
    assert len(percolator) == 0
    assert assert_as_the_loop(percolator, {}, vacancies(50)) == 0


def test_adding_the_same_twice_is_adding_it_once() -> None:
    asked = subscriptions(50)
    percolator = filled(asked)
    for identity, one in asked.items():
        percolator.add(identity, one)
    assert len(percolator) == 50
    assert_as_the_loop(percolator, asked, vacancies(50))


@pytest.mark.parametrize(
    ("one", "document"),
    [
        (Wanted(), Searchable("s:1", 1, Status.ACTIVE, "s")),
        (Wanted(shown=Shown.CLOSED), Searchable("s:1", 1, Status.CLOSED, "s")),
        (Wanted(sources=frozenset({"s"})), Searchable("s:1", 1, Status.ACTIVE, "s")),
        (Wanted(words=(("kok", "nl:kok"),)), Searchable("s:1", 1, Status.ACTIVE, "s", body=("nl:kok",))),
        (
            Wanted(words=(("a",), ("verpleger",)), occupations=frozenset({isco_uri("22")})),
            Searchable("s:1", 1, Status.ACTIVE, "s", ("a",), ("verpleger",), occupations=frozenset({isco_uri("22")})),
        ),
        (Wanted(nuts=frozenset({"BE2"})), Searchable("s:1", 1, Status.ACTIVE, "s", nuts=frozenset(levels("BE234")))),
        (Wanted(countries=frozenset({"BE"})), Searchable("s:1", 1, Status.ACTIVE, "s", countries=frozenset({"BE"}))),
    ],
    ids=["anything", "closed", "source", "stem", "rare word", "region", "country"],
)
def test_a_vacancy_that_fits_is_found(one: Wanted, document: Searchable) -> None:
    assert list(filled({"one": one}).matching(document)) == ["one"]


def at(lat: float, lon: float) -> Searchable:
    return Searchable("s:1", 1, Status.ACTIVE, "s", points=frozenset({(lat, lon)}))


@pytest.mark.parametrize(
    ("origin", "km", "point", "found"),
    [
        ((51.2, 3.8), 50, (51.2, 3.8), True),
        ((51.2, 3.8), 50, (51.2, 4.6), False),
        ((65.0, 179.9), 50, (65.0, -179.9), True),
        ((65.0, -179.9), 50, (65.0, 179.9), True),
        ((65.0, 180.0), 50, (65.0, -180.0), True),
        ((65.0, 179.0), 20, (65.0, -179.0), False),
        ((89.9, 0.0), 50, (89.9, 180.0), True),
        ((90.0, 0.0), 50, (89.9, -77.0), True),
        ((86.0, 10.0), 500, (87.5, 80.0), True),
        ((86.0, 10.0), 500, (87.5, 120.0), False),
        ((-90.0, 0.0), 50, (-89.9, 77.0), True),
        ((78.2, 15.6), 500, (78.2, 30.0), True),
        ((0.0, 0.0), 500, (0.0, -4.0), True),
    ],
)
def test_circles_reach_over_the_poles_and_the_180th_meridian(
    origin: tuple[float, float], km: int, point: tuple[float, float], found: bool
) -> None:
    centre = Origin(name="x", lat=origin[0], lon=origin[1])
    percolator = filled({"one": Wanted(origin=centre, km=km)})
    assert list(percolator.matching(at(*point))) == (["one"] if found else [])


def somewhere_within(origin: Origin, km: float, bearing: float) -> tuple[float, float]:
    """The point that lies `km` from the origin in that direction (radians from north)."""
    lat, lon, turn = math.radians(origin.lat), math.radians(origin.lon), km / 6371
    there = math.asin(math.sin(lat) * math.cos(turn) + math.cos(lat) * math.sin(turn) * math.cos(bearing))
    east = math.atan2(
        math.sin(bearing) * math.sin(turn) * math.cos(lat), math.cos(turn) - math.sin(lat) * math.sin(there)
    )
    return math.degrees(there), (math.degrees(lon + east) + 540) % 360 - 180


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=300)
@given(
    st.floats(-90, 90) | st.floats(80, 90) | st.floats(-90, -80),
    st.floats(-180, 180) | st.sampled_from([-180.0, 180.0, 179.999]),
    st.integers(1, 500),
    st.floats(0, 1),
    st.floats(0, 2 * math.pi),
)
@example(84.9, 0.0, 1, 1.0, math.pi / 2)
@example(80.0, 0.0, 500, 1.0, math.pi / 2)
def test_every_point_within_reach_is_in_a_cell(lat: float, lon: float, km: int, share: float, bearing: float) -> None:
    origin = Origin(name="x", lat=lat, lon=lon)
    point = somewhere_within(origin, share * km, bearing)
    assume(distance_km(lat, lon, *point) <= km)
    around = circle(Wanted(origin=origin, km=km))
    assert around
    assert cell(point, size_for(km)) in places_within(around)
    assert reaches(around, (point,))


def test_a_circle_in_europe_has_few_cells() -> None:
    for km in (1, 10, 50, 100, 500):
        around = circle(Wanted(origin=Origin(name="Zelzate", lat=51.2, lon=3.8), km=km))
        assert around
        assert len(places_within(around)) <= 9


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=500)
@given(st.floats(-90, 90), st.floats(-180, 180), st.integers(1, 500), st.floats(0.8, 1.25), st.floats(0, 2 * math.pi))
def test_a_point_near_the_rim_is_within_as_its_exact_distance_says(
    lat: float, lon: float, km: int, share: float, bearing: float
) -> None:
    origin = Origin(name="x", lat=lat, lon=lon)
    point, around = somewhere_within(origin, share * km, bearing), circle(Wanted(origin=origin, km=km))
    assert around
    assert reaches(around, (point,)) == (distance_km(lat, lon, *point) <= km)


def test_what_is_rare_is_learnt_and_nothing_is_lost_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(percolation, "LEARNS_FROM", 50)
    monkeypatch.setattr(percolation, "LEARNS_FOR", 100)
    asked = subscriptions()
    percolator = filled(asked)
    assert_as_the_loop(percolator, asked, vacancies(60))
    assert assert_as_the_loop(percolator, asked, vacancies()[60:]) > 500
    for identity in asked:
        percolator.remove(identity)
    assert not percolator._index
