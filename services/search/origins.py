"""Where a search starts from: the place that is meant, and the others of that name that might be."""

from pendler.places import Place, Places, distance_km
from schemas.query import Origin, Query, QueryError, Sort

SAME_KM = 25.0
MOST = 5


def origin_of(query: Query, places: Places) -> tuple[Origin | None, list[str]]:
    """The place, and how the others of that name are asked for: `Halle, DE`.

    Raises:
        QueryError: there is no such place, or something needs a place and none is given.
    """
    if not query.near:
        _needs_none(query)
        return None, []
    found = places.find(query.near, limit=MOST)
    if not found:
        detail = f"No place called “{query.near}” is known. Write a town, in any spelling, or a postcode with its town."
        raise QueryError([{"parameter": "near", "value": query.near, "detail": detail}])
    first = found[0]
    others = dict.fromkeys(f"{place.name}, {place.country}" for place in found[1:] if _elsewhere(first, place))
    return Origin(name=first.name, lat=first.lat, lon=first.lon), [one for one in others if one != query.near]


def _needs_none(query: Query) -> None:
    if query.sort is Sort.NEAREST:
        raise QueryError([{"parameter": "sort", "detail": "“nearest” needs a place: add `near`."}])
    if query.minutes:
        raise QueryError([{"parameter": "minutes", "detail": "Minutes from where? Add `near`, a town."}])


def _elsewhere(first: Place, other: Place) -> bool:
    """Whether it would be another search: not the same town once more, nor what nobody could tell apart by country."""
    return other.country != first.country and distance_km(first.lat, first.lon, other.lat, other.lon) > SAME_KM
