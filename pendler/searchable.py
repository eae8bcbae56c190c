"""What a vacancy can be found by, and what a query asks for, in one form for the index and for the alerts.

`fits` is the meaning of a query, vacancy by vacancy; every index must give exactly the vacancies that fit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from pendler.esco import ancestors
from pendler.places import distance_km
from pendler.terms import terms
from pendler.traits import SURE, traits
from pendler.travel import minutes_by_car
from pendler.wanted import Said, Wanted
from pendler.wording import Phrase
from schemas.event import VacancyMatched
from schemas.query import Origin, Shown
from schemas.vacancy import Profile, Status

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
    traits: frozenset[str] = frozenset()
    pay: int = 0
    """Euros a year, the most that is offered; 0 where none is said."""


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
        traits=traits(event),
        pay=_pay(event),
    )


def _pay(event: VacancyMatched) -> int:
    pay = event.vacancy and event.vacancy.pay
    return (pay and (pay.yearly_maximum or pay.yearly_minimum)) or 0


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


def fits(one: Wanted, vacancy: Searchable, held: frozenset[str]) -> bool:
    """Whether a vacancy is what is wanted. `held` are all its terms and codes."""
    return (
        _shown(one.shown, vacancy.status)
        and _any(one.countries, vacancy.countries)
        and _any(one.nuts, vacancy.nuts)
        and _any(one.occupations, vacancy.occupations)
        and (not one.sources or vacancy.source in one.sources)
        and vacancy.published >= one.since
        and _reads(one, vacancy, held)
        and _says(one, vacancy)
        and (one.origin is None or any(within(one, point) for point in vacancy.points))
    )


def _reads(one: Wanted, vacancy: Searchable, held: frozenset[str]) -> bool:
    """Whether the text is as wanted."""
    return (
        all(any(term in held for term in word) for word in one.words)
        and not any(term in held for word in one.without for term in word)
        and all(_stands(phrase, vacancy) for phrase in one.phrases)
        and not any(_stands(phrase, vacancy) for phrase in one.without_phrases)
    )


def _stands(phrase: Phrase, vacancy: Searchable) -> bool:
    return any(_follows(placed, text) for placed in phrase for text in (vacancy.title, vacancy.body))


def _follows(placed: tuple[tuple[int, str], ...], text: tuple[str, ...]) -> bool:
    starts = range(len(text) - placed[-1][0])
    return any(all(text[start + at] == term for at, term in placed) for start in starts)


def _says(one: Wanted, vacancy: Searchable) -> bool:
    """Whether what it says of itself is what is asked for; what it does not say may be."""
    unsaid = False
    if one.pay:
        unsaid = vacancy.pay == 0
        if not unsaid and vacancy.pay < one.pay:
            return False
    for asked in one.filters:
        if asked.met.isdisjoint(vacancy.traits):
            if asked.unsaid.isdisjoint(vacancy.traits):
                return False
            unsaid = True
    return one.said is Said.EITHER or unsaid is (one.said is Said.UNSAID)


def held_terms(vacancy: Searchable) -> frozenset[str]:
    """All that a word may be met by."""
    return frozenset(chain(vacancy.title, vacancy.body, vacancy.occupations, vacancy.traits))


def within(one: Wanted, point: Point) -> bool:
    """Whether a point is as near as is wanted."""
    assert one.origin
    if distance_km(one.origin.lat, one.origin.lon, *point) > one.km:
        return False
    return one.minutes is None or minutes_by_car((one.origin.lat, one.origin.lon), point) <= one.minutes


def near(origin: Origin, points: Iterable[Point]) -> float | None:
    """Kilometres from `origin` to the nearest of the points; None where there is none."""
    return min((distance_km(origin.lat, origin.lon, lat, lon) for lat, lon in points), default=None)


def _shown(shown: Shown, status: Status) -> bool:
    return shown is Shown.ANY or (status is Status.ACTIVE) == (shown is Shown.ACTIVE)


def _any(asked: frozenset[str], has: frozenset[str]) -> bool:
    return not asked or not asked.isdisjoint(has)
