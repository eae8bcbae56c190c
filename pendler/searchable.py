"""What a vacancy can be found by, and what a query asks for, in one form for the index and for the alerts.

`fits` is the meaning of a query, vacancy by vacancy; every index must give exactly the vacancies that fit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from pendler.esco import PREFIX, ancestors
from pendler.places import distance_km
from pendler.terms import terms
from pendler.text import sought, words
from schemas.event import VacancyMatched
from schemas.query import Origin, Query, Shown
from schemas.vacancy import Profile, Status

SURE = 0.3
"""The score from which an occupation counts; docs/decisions/0042 has what it finds and what it mistakes."""
NO_DEADLINE = 2**38
Point = tuple[float, float]
RECENT = 2_000
_recent: dict[tuple[str, int], "Searchable"] = {}


@dataclass(frozen=True)
class Searchable:
    """One vacancy, ready to be found. Times in seconds since 1970; `order` is its version."""

    ref: str
    order: int
    status: Status
    source: str
    title: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    countries: frozenset[str] = frozenset()
    nuts: frozenset[str] = frozenset()
    occupations: frozenset[str] = frozenset()
    main_occupation: str | None = None
    points: frozenset[Point] = frozenset()
    published: int = 0
    deadline: int = NO_DEADLINE
    positions: int = 1


@dataclass(frozen=True)
class Wanted:
    """A query, ready to be compared: each of `words` is met by any of its terms; an empty filter lets all pass."""

    words: tuple[tuple[str, ...], ...] = ()
    countries: frozenset[str] = frozenset()
    nuts: frozenset[str] = frozenset()
    occupations: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    origin: Origin | None = None
    km: int = 50
    shown: Shown = Shown.ACTIVE


def searchable(event: VacancyMatched) -> Searchable:
    """What the vacancy in an event can be found by; a stub only by its codes and places.

    Search and notify ask for the same vacancies shortly after one another; in one process it is worked out once.
    """
    key = (event.ref, event.order)
    made = _recent.get(key)
    if made is None:
        made = _recent[key] = _searchable(event)
        if len(_recent) > RECENT:
            _recent.pop(next(iter(_recent)), None)
    return made


def _searchable(event: VacancyMatched) -> Searchable:
    places, sure = event.derived.places, [one for one in event.derived.occupations if one.score >= SURE]
    vacancy = event.vacancy
    profiles = _profiles(event)
    deadline = vacancy and (vacancy.apply_by or vacancy.expires)
    return Searchable(
        ref=event.ref,
        order=event.order,
        status=event.status,
        source=event.source,
        title=tuple(chain.from_iterable(terms(one.title, language) for language, one in profiles)),
        body=tuple(chain(*(terms(one.text, language) for language, one in profiles), _employer(event))),
        countries=frozenset(place.country for place in places if place.country),
        nuts=frozenset(code for place in places if place.nuts for code in levels(place.nuts)),
        occupations=frozenset(uri for one in sure for uri in (one.uri, *ancestors(one.isco))),
        main_occupation=sure[0].uri if sure else None,
        points=frozenset((place.lat, place.lon) for place in places if place.lat is not None and place.lon is not None),
        published=int(((vacancy and vacancy.published) or event.at).timestamp()),
        deadline=int(deadline.timestamp()) if deadline else NO_DEADLINE,
        positions=(vacancy and vacancy.positions) or (event.stub and event.stub.positions) or 1,
    )


def _profiles(event: VacancyMatched) -> list[tuple[str | None, Profile]]:
    if event.vacancy is None:
        return []
    first, *others = event.vacancy.profiles
    return [(event.derived.language, first), *((one.language, one) for one in others)]


def _employer(event: VacancyMatched) -> tuple[str, ...]:
    name = event.vacancy.employer.name if event.vacancy else None
    return tuple(terms(name, None)) if name else ()


@lru_cache(maxsize=10_000)
def levels(nuts: str) -> tuple[str, ...]:
    """A NUTS code and all it lies in: `BE234` -> `BE`, `BE2`, `BE23`, `BE234`."""
    return tuple(nuts[:length] for length in range(2, len(nuts) + 1))


def wanted(query: Query, origin: Origin | None = None) -> Wanted:
    """A query as it is compared. `origin` is where `query.near` lies."""
    return Wanted(
        words=tuple(sought(word, query.lang) for word in words(query.q)),
        countries=frozenset(query.country),
        nuts=frozenset(query.nuts),
        occupations=frozenset(map(occupation_uri, query.occupation)),
        sources=frozenset(query.source),
        origin=origin,
        km=query.km,
        shown=query.status,
    )


def occupation_uri(code: str) -> str:
    """An occupation as a URI: `7212`, `C7212` and `isco/C7212` mean the ISCO group, a URI itself."""
    if code.startswith("http"):
        return code
    bare = code.rpartition("/")[2].upper().removeprefix("C")
    return f"{PREFIX}isco/C{bare}" if bare.isdigit() else f"{PREFIX}occupation/{code.rpartition('/')[2]}"


def fits(one: Wanted, vacancy: Searchable, held: frozenset[str]) -> bool:
    """Whether a vacancy is what is wanted. `held` are all its terms."""
    return (
        _shown(one.shown, vacancy.status)
        and _any(one.countries, vacancy.countries)
        and _any(one.nuts, vacancy.nuts)
        and _any(one.occupations, vacancy.occupations)
        and (not one.sources or vacancy.source in one.sources)
        and all(any(term in held for term in word) for word in one.words)
        and (one.origin is None or _within(one.origin, one.km, vacancy.points))
    )


def held_terms(vacancy: Searchable) -> frozenset[str]:
    return frozenset(vacancy.title) | frozenset(vacancy.body)


def near(origin: Origin, points: Iterable[Point]) -> float | None:
    """Kilometres from `origin` to the nearest of the points; None where there is none."""
    return min((distance_km(origin.lat, origin.lon, lat, lon) for lat, lon in points), default=None)


def _shown(shown: Shown, status: Status) -> bool:
    return shown is Shown.ANY or (status is Status.ACTIVE) == (shown is Shown.ACTIVE)


def _within(origin: Origin, km: float, points: Iterable[Point]) -> bool:
    distance = near(origin, points)
    return distance is not None and distance <= km


def _any(asked: frozenset[str], has: frozenset[str]) -> bool:
    return not asked or not asked.isdisjoint(has)
