"""What is shown of a search: hits, counts and facets joined with the vacancies, for API, page and feeds alike."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pendler.concepts import meanings, titles
from pendler.esco.stored import label
from pendler.places import Places
from pendler.searchable import Point, searchable
from pendler.store import Store
from pendler.travel import Way, way
from pendler.wanted import Said, Wanted, wanted
from pendler.wording import Meaning, understood, wording
from schemas.event import VacancyMatched
from schemas.query import Origin, Query, QueryError, Sort
from services.search.explain import explained
from services.search.index import BANDS, BadCursor, Count, Hits, Index, Page
from services.search.origins import origin_of
from services.search.state import kept

TOP = 12
CODE = re.compile(r"(isco/)?C?[0-9]{1,4}|(occupation/)?[0-9a-f-]{30,40}|http://data\.europa\.eu/esco/\S+")
UNSAID = "unsaid."
ORDERS = {
    Sort.NEWEST: "newest first",
    Sort.RELEVANCE: "best match first",
    Sort.NEAREST: f"nearest first, in bands that end at {', '.join(map(str, BANDS))} km, in each the newest first",
    Sort.DEADLINE: "earliest deadline first",
}


@dataclass(frozen=True)
class Found:
    """One vacancy of a page: how far it is from the origin of the search; whether it says all that is asked for."""

    event: VacancyMatched
    km: float | None = None
    way: Way | None = None
    sure: bool = True


@dataclass(frozen=True)
class Listing:
    """The answer to a query. `kept` is the query with what its words stand for, as it is to be kept for later.

    `unsaid`: how many of the hits do not say all that is asked for.
    """

    query: Query
    kept: Query
    origin: Origin | None
    others: Sequence[str]
    meanings: Sequence[Meaning]
    hits: Hits
    found: Sequence[Found]
    unsaid: Count

    @property
    def next_url(self) -> str | None:
        return self.query.url("/v1/vacancies", cursor=self.hits.cursor) if self.hits.cursor else None

    def without(self, meaning: Meaning) -> tuple[str, ...]:
        """What `also` is without one of the meanings."""
        return tuple(str(one) for one in self.meanings if one != meaning) or ("no",)


async def listing(query: Query, store: Store, index: Index, places: Places) -> Listing:
    """Answers a query.

    Raises:
        QueryError: the place is not known, the cursor is none, or an order needs what is not given.
    """
    check_codes(query)
    whole = understood(query)
    origin, others = origin_of(query, places)
    asked = wanted(whole, origin)
    hits, unsaid, sure = await _hits(asked, query, index)
    events = await kept(store, [hit.ref for hit in hits.hits])
    found = [
        Found(events[hit.ref], hit.km, _way(events[hit.ref], origin), n < sure)
        for n, hit in enumerate(hits.hits)
        if hit.ref in events
    ]
    return Listing(query, whole, origin, others, wording(whole).meanings, hits, found, unsaid)


def check_codes(query: Query) -> None:
    """Occupations are codes, not words.

    Raises:
        QueryError: one is not; says what the word may stand for.
    """
    for code in query.occupation:
        if not CODE.fullmatch(code):
            meant = [f"{one.rpartition('/')[2]} ({titles(one).get('en', '')})" for one in meanings(code, query.lang)]
            hint = f" Did you mean {' or '.join(meant)}?" if meant else ""
            detail = f"An ISCO-08 group of one to four digits or the URI of an ESCO occupation.{hint}"
            raise QueryError([{"parameter": "occupation", "value": code[:80], "detail": detail}])


async def _hits(asked: Wanted, query: Query, index: Index) -> tuple[Hits, Count, int]:
    """A page of hits, how many do not say all that is asked, and how many of this page do."""
    page = Page(query.sort, query.limit, query.cursor)
    try:
        if asked.sparse:
            return await _sure_first(asked, page, index)
        hits = await index.search(asked, page)
    except BadCursor as error:
        raise QueryError([{"parameter": "cursor", "detail": str(error)}]) from None
    return hits, Count(), len(hits.hits)


async def _sure_first(asked: Wanted, page: Page, index: Index) -> tuple[Hits, Count, int]:
    """Those that say all that is asked, then those that do not, counted together and apart."""
    all_of_them = await index.search(asked, replace(page, limit=0, cursor=""))
    silent = replace(asked, said=Said.UNSAID)
    if page.cursor.startswith(UNSAID):
        rest = await index.search(silent, replace(page, cursor=page.cursor.removeprefix(UNSAID)))
        return _joined(all_of_them, [], rest), rest.total, 0
    sure = await index.search(replace(asked, said=Said.MET), page)
    unsaid = Count(all_of_them.total.ads - sure.total.ads, all_of_them.total.posts - sure.total.posts)
    left = page.limit - len(sure.hits)
    if sure.cursor or not left or not unsaid.ads:
        follows = UNSAID if unsaid.ads and page.limit else ""
        return replace(all_of_them, hits=sure.hits, cursor=sure.cursor or follows), unsaid, len(sure.hits)
    rest = await index.search(silent, replace(page, limit=left, cursor=""))
    return _joined(all_of_them, sure.hits, rest), unsaid, len(sure.hits)


def _joined(counted: Hits, sure: Sequence[Any], rest: Hits) -> Hits:
    return replace(counted, hits=[*sure, *rest.hits], cursor=rest.cursor and f"{UNSAID}{rest.cursor}")


def _way(event: VacancyMatched, origin: Origin | None) -> Way | None:
    """The way to the place of it that is reached first."""
    ways = [way((origin.lat, origin.lon), point) for point in points(event)] if origin else []
    return min(ways, key=lambda one: one.minutes, default=None)


def points(event: VacancyMatched) -> list[Point]:
    return [(one.lat, one.lon) for one in event.derived.places if one.lat is not None and one.lon is not None]


def facets(hits: Hits, language: str | None) -> dict[str, list[dict[str, Any]]]:
    """Each facet's values by number of ads, with a label."""
    return {
        name: [_value(name, value, count, language) for value, count in _top(counts)]
        for name, counts in hits.facets.items()
    }


def _top(counts: Mapping[str, Count]) -> list[tuple[str, Count]]:
    return sorted(counts.items(), key=lambda item: (-item[1].ads, item[0]))[:TOP]


def _value(facet: str, value: str, count: Count, language: str | None) -> dict[str, Any]:
    named = label(value, language) if facet == "occupation" else value
    return {"value": value, "label": named, "ads": count.ads, "posts": count.posts}


def answer(one: Listing, labels: str | None = None, explain: bool = False) -> dict[str, Any]:
    """The whole answer as data; `labels` in another language than the query's; `explain` says why each was found."""
    language = labels or one.query.lang
    asked = wanted(one.kept, one.origin) if explain else None
    why = [{"why": explained(asked, searchable(found.event))} if asked else {} for found in one.found]
    return {
        "total": {"ads": one.hits.total.ads, "posts": one.hits.total.posts},
        "unsaid": {"ads": one.unsaid.ads, "posts": one.unsaid.posts},
        "origin": one.origin,
        "other_places": one.others,
        "understood": [understanding(meaning, language) for meaning in one.meanings],
        "order": one.query.sort,
        "order_in_words": ORDERS[one.query.sort],
        "facets": facets(one.hits, language),
        "vacancies": [brief(found, language) | reason for found, reason in zip(one.found, why, strict=True)],
        "next": one.next_url,
    }


def understanding(meaning: Meaning, language: str | None) -> dict[str, Any]:
    """What some words stand for, and what that is called elsewhere."""
    called = titles(meaning.code)
    named = called.get(language or "en") or label(meaning.code, language)
    others = dict.fromkeys(said for said in called.values() if said.lower() not in (meaning.words, named.lower()))
    return {"words": meaning.words, "code": meaning.code, "label": named, "also": list(others)}


def brief(one: Found, language: str | None) -> dict[str, Any]:
    """A vacancy as a list shows it. A closed one has no title: its text is gone."""
    event, vacancy = one.event, one.event.vacancy
    occupation = next(iter(event.derived.occupations), None)
    return {
        "ref": event.ref,
        "status": event.status,
        "revision": event.revision,
        "title": vacancy.title if vacancy else None,
        "language": event.derived.language,
        "employer": vacancy.employer.name if vacancy else None,
        "places": [
            place.model_dump(include={"name", "country", "nuts", "lat", "lon"}) for place in event.derived.places
        ],
        "km": None if one.km is None else round(one.km, 1),
        "minutes_by_car": one.way and round(one.way.minutes),
        "over": [crossing.name for crossing in one.way.crossings] if one.way else [],
        "says_all": one.sure,
        "occupation": occupation
        and {
            "uri": occupation.uri,
            "isco": occupation.isco,
            "label": label(occupation.uri, language),
        },
        "positions": vacancy.positions if vacancy else None,
        "pay": vacancy.pay if vacancy else None,
        "published": vacancy.published if vacancy else None,
        "apply_by": vacancy.apply_by if vacancy else None,
        "source": event.source,
        "rights": {"ways": event.ways, "original": vacancy.origin.url if vacancy else None},
        "demonstration": bool((vacancy or event.stub) and (vacancy or event.stub).demonstration),  # type: ignore[union-attr]
        "url": f"/v1/vacancies/{event.ref}",
    }
