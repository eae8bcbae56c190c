"""What is shown of a search: hits, counts and facets joined with the vacancies, for the API and the page alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pendler.esco.stored import label
from pendler.places import Places
from pendler.searchable import Wanted, wanted
from pendler.store import Store
from schemas.event import VacancyMatched
from schemas.query import Origin, Query, QueryError, Sort
from services.search.index import BadCursor, Count, Hits, Index, Page
from services.search.state import kept

TOP = 12


@dataclass(frozen=True)
class Found:
    """One vacancy of a page, with how far it is from the origin of the search, in km."""

    event: VacancyMatched
    km: float | None


@dataclass(frozen=True)
class Listing:
    """The answer to a query."""

    query: Query
    origin: Origin | None
    hits: Hits
    found: Sequence[Found]

    @property
    def next_url(self) -> str | None:
        return self.query.url("/v1/vacancies", cursor=self.hits.cursor) if self.hits.cursor else None


async def listing(query: Query, store: Store, index: Index, places: Places) -> Listing:
    """Answers a query.

    Raises:
        QueryError: the place is not known, the cursor is none, or an order needs what is not given.
    """
    origin = origin_of(query, places)
    hits = await _hits(wanted(query, origin), query, index)
    events = await kept(store, [hit.ref for hit in hits.hits])
    found = [Found(events[hit.ref], hit.km) for hit in hits.hits if hit.ref in events]
    return Listing(query, origin, hits, found)


async def _hits(asked: Wanted, query: Query, index: Index) -> Hits:
    try:
        return await index.search(asked, Page(query.sort, query.limit, query.cursor))
    except BadCursor as error:
        raise QueryError([{"parameter": "cursor", "detail": str(error)}]) from None


def origin_of(query: Query, places: Places) -> Origin | None:
    """Where the search starts from."""
    if not query.near:
        if query.sort is Sort.NEAREST:
            raise QueryError([{"parameter": "sort", "detail": "“nearest” needs a place: add `near`."}])
        return None
    if found := places.find(query.near, limit=1):
        return Origin(name=found[0].name, lat=found[0].lat, lon=found[0].lon)
    detail = f"No place called “{query.near}” is known. Write a town, in any spelling."
    raise QueryError([{"parameter": "near", "value": query.near, "detail": detail}])


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
        "occupation": occupation
        and {
            "uri": occupation.uri,
            "isco": occupation.isco,
            "label": label(occupation.uri, language),
        },
        "positions": vacancy.positions if vacancy else None,
        "published": vacancy.published if vacancy else None,
        "apply_by": vacancy.apply_by if vacancy else None,
        "source": event.source,
        "demonstration": bool((vacancy or event.stub) and (vacancy or event.stub).demonstration),  # type: ignore[union-attr]
        "url": f"/v1/vacancies/{event.ref}",
    }
