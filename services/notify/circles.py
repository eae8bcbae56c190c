"""Circles on the globe, found by the cells of a map: the larger a circle, the larger its cells, so it has few."""

from math import cos, floor, radians

from pendler.places import distance_km
from pendler.searchable import Point, Searchable
from pendler.wanted import Wanted

SIZES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Degrees. Each goes into 360 a whole number of times: the last cell of a circle of latitude meets the first."""
POLAR = 85.0
KM_PER_DEGREE = 111.0
FLAT_KM, FLAT_LATITUDE, FLAT_LONGITUDE, RIM = 110, 66.0, 175.0, 0.05
"""Where the globe is as good as flat, but for the rim of a circle: 5 % of its radius either way."""
Cell = tuple[float, int, int]
Place = str | Cell
"""A region or country, a cell, or `""`: anywhere."""
Circle = tuple[float, float, float, float, float, float]
"""Latitude, longitude, km; then for a flat globe: cosine of the latitude, squares in degrees of what is in, and out."""


def circle(one: Wanted) -> Circle | None:
    """What `reaches` needs of the circle that is asked for."""
    if one.origin is None:
        return None
    origin, degrees = one.origin, one.km / KM_PER_DEGREE
    if one.km > FLAT_KM or abs(origin.lat) > FLAT_LATITUDE or abs(origin.lon) > FLAT_LONGITUDE:
        return origin.lat, origin.lon, one.km, 0.0, -1.0, float("inf")
    squared = degrees * degrees
    return origin.lat, origin.lon, one.km, cos(radians(origin.lat)), squared * (1 - RIM) ** 2, squared * (1 + RIM) ** 2


def reaches(around: Circle, points: tuple[Point, ...]) -> bool:
    """Whether one of the points lies within; the exact distance is worked out on the rim only."""
    mid_lat, mid_lon, km, narrow, inside, outside = around
    for lat, lon in points:
        north, east = lat - mid_lat, (lon - mid_lon) * narrow
        squared = north * north + east * east
        if squared < inside or (squared < outside and distance_km(mid_lat, mid_lon, lat, lon) <= km):
            return True
    return False


def places_of(vacancy: Searchable) -> set[Place]:
    """Under which places a subscription may stand that this vacancy fits."""
    cells = (cell(point, size) for point in vacancy.points for size in SIZES)
    return {"", *vacancy.nuts, *(f"@{country}" for country in vacancy.countries), *cells}


def places_within(around: Circle) -> list[Place]:
    """The cells that a circle reaches into, and some more at its corners; near a pole, all around it."""
    lat, lon, km, *_ = around
    size = size_for(km)
    high = km / KM_PER_DEGREE + 0.01
    wide = high / cos(radians(farthest)) if (farthest := abs(lat) + high) < POLAR else 180.0
    rows = range(floor((lat - high) / size), floor((lat + high) / size) + 1)
    columns = range(floor((lon - wide) / size), floor((lon + wide) / size) + 1)
    last = round(360 / size)
    return list({(size, row, column % last) for row in rows for column in columns})


def size_for(km: float) -> float:
    """The smallest cells that are as wide as the circle, from north to south."""
    return next((size for size in SIZES if size >= 2 * km / KM_PER_DEGREE), SIZES[-1])


def cell(point: Point, size: float) -> Cell:
    return size, floor(point[0] / size), floor(point[1] / size) % round(360 / size)
