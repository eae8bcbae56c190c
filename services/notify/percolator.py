"""Which of many subscriptions does a vacancy fit? An inverted index over the subscriptions, not a loop.

Each subscription stands under one anchor: what it asks that few vacancies have, and that a vacancy that fits must
have. A vacancy is compared only with what stands under its own terms, codes and places.
"""

from collections.abc import Iterable, Iterator
from math import cos, floor, radians

from pendler.searchable import Point, Searchable, Wanted, fits, held_terms
from schemas.query import Origin

CELL = 0.25
AROUND = 1440
"""Cells on a circle of latitude: the last meets the first at the 180th meridian."""
POLAR = 85.0
KM_PER_DEGREE = 111.0
MOST_CELLS = 2000
Key = str | tuple[str, str] | tuple[int, int]
"""A word as it is; a code or an area with its kind; a cell of the map."""
ANY = ("any", "")


class Percolator:
    """The subscriptions, ready to be found by what they ask."""

    def __init__(self) -> None:
        self._wanted: dict[str, Wanted] = {}
        self._anchored: dict[Key, set[str]] = {}

    def __len__(self) -> int:
        return len(self._wanted)

    def add(self, identity: str, one: Wanted) -> None:
        """Adds or replaces a subscription."""
        self.remove(identity)
        self._wanted[identity] = one
        for key in anchors(one):
            self._anchored.setdefault(key, set()).add(identity)

    def remove(self, identity: str) -> None:
        """Removes a subscription; one that is not there is no error."""
        if one := self._wanted.pop(identity, None):
            for key in anchors(one):
                self._anchored[key].discard(identity)
                if not self._anchored[key]:
                    del self._anchored[key]

    def matching(self, vacancy: Searchable) -> Iterator[str]:
        """The subscriptions that the vacancy fits, each once."""
        held = held_terms(vacancy)
        candidates: set[str] = set()
        for found in (self._anchored.keys() & held, self._anchored.keys() & keys(vacancy)):
            candidates.update(*(self._anchored[key] for key in found))
        return (identity for identity in candidates if fits(self._wanted[identity], vacancy, held))


def anchors(one: Wanted) -> Iterable[Key]:
    """Where a subscription stands: a vacancy that fits it has at least one of these."""
    if one.words:
        return max(one.words, key=lambda terms: len(terms[0]))
    if one.occupations:
        return {("code", uri) for uri in one.occupations}
    if one.origin and len(around := cells(one.origin, one.km)) <= MOST_CELLS:
        return around
    if one.nuts or one.countries:
        return {("area", code) for code in one.nuts or one.countries}
    return {ANY}


def keys(vacancy: Searchable) -> set[Key]:
    """All anchors but words under which a subscription may stand that this vacancy fits."""
    codes = {("code", uri) for uri in vacancy.occupations}
    areas = {("area", code) for code in vacancy.nuts | vacancy.countries}
    return {*codes, *areas, *(cell(point) for point in vacancy.points), ANY}


def cell(point: Point) -> tuple[int, int]:
    return floor(point[0] / CELL), floor(point[1] / CELL) % AROUND


def cells(origin: Origin, km: float) -> set[tuple[int, int]]:
    """The cells that a circle reaches into, and some more at its corners; near a pole, all around it."""
    high = km / KM_PER_DEGREE + 0.01
    wide = high / cos(radians(farthest)) if (farthest := abs(origin.lat) + high) < POLAR else 180.0
    rows = range(floor((origin.lat - high) / CELL), floor((origin.lat + high) / CELL) + 1)
    columns = range(floor((origin.lon - wide) / CELL), floor((origin.lon + wide) / CELL) + 1)
    return {(row, column % AROUND) for row in rows for column in columns}
