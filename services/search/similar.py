"""Vacancies like one: the same occupation group, near it, those across a border first."""

from collections.abc import Sequence

from pendler.esco import isco_uri
from pendler.store import Store
from pendler.wanted import Wanted
from schemas.event import VacancyMatched
from schemas.query import Origin, Sort
from services.search.index import Index, Page
from services.search.listing import Found
from services.search.state import kept

AROUND_KM, LOOKED_AT, SHOWN = 100, 60, 6


async def similar(event: VacancyMatched, store: Store, index: Index) -> Sequence[Found]:
    """A few, nearest first on each side; none where the occupation or the place is not known."""
    place = next((one for one in event.derived.places if one.lat is not None), None)
    occupation = next(iter(event.derived.occupations), None)
    if place is None or place.lat is None or place.lon is None or occupation is None:
        return []
    origin = Origin(name=place.name or "", lat=place.lat, lon=place.lon)
    asked = Wanted(occupations=frozenset({isco_uri(occupation.isco)}), origin=origin, km=AROUND_KM)
    hits = (await index.search(asked, Page(Sort.NEAREST, LOOKED_AT))).hits
    events = await kept(store, [hit.ref for hit in hits if hit.ref != event.ref])
    nearest = sorted(hits, key=lambda hit: hit.km or 0)
    found = [Found(events[hit.ref], hit.km) for hit in nearest if hit.ref in events]
    across = [one for one in found if _country(one.event) != place.country]
    return [*across[: SHOWN // 2], *(one for one in found if one not in across[: SHOWN // 2])][:SHOWN]


def _country(event: VacancyMatched) -> str | None:
    return next((one.country for one in event.derived.places if one.country), None)
