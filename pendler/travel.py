"""How long it takes by car, estimated: over real crossings where water lies between. Pure.

The way is 1.25 times the straight line; where that meets a water, it leads over the crossing of that water that
makes it shortest in time. The first 8 km of road take 1.8 minutes each, the next 40 take 0.9, all others 0.65; each
crossing adds minutes of its own: waiting, a ferry's slowness, a toll. No roads, no traffic: an estimate, and called
one.
Our own facts: `crossings.csv` (where, and what it adds) and `waters.csv` (the middle of the water, as a line).
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from math import inf

from pendler.places import distance_km

WINDING = 1.25
SPEEDS = ((8.0, 1.8), (40.0, 0.9), (inf, 0.65))
"""Kilometres of road, and minutes for each of them."""
At = tuple[float, float]
"""Latitude and longitude."""


@dataclass(frozen=True)
class Crossing:
    """A way over or round a water; `extra` minutes beside those of its length."""

    water: str
    name: str
    kind: str
    at: At
    extra: float


@dataclass(frozen=True)
class Way:
    """From one point to another: straight kilometres from crossing to crossing, and what these add in minutes."""

    km: float
    extra: float = 0.0
    crossings: tuple[Crossing, ...] = ()

    @property
    def minutes(self) -> float:
        return driving(self.km) + self.extra


def minutes_by_car(start: At, end: At) -> float:
    return way(start, end).minutes


@lru_cache(maxsize=100_000)
def way(start: At, end: At) -> Way:
    """The way that takes least time."""
    return _way(start, end, frozenset())


def _way(start: At, end: At, passed: frozenset[str]) -> Way:
    water = next((name for name in _between(start, end) if name not in passed), None)
    if water is None:
        return Way(distance_km(*start, *end))
    best, passed = None, passed | {water}
    for least, one in sorted(_at_least(start, end, water), key=lambda item: item[0]):
        if best and best.minutes <= least:
            break
        found = _over(one, start, end, passed)
        best = found if best is None or found.minutes < best.minutes else best
    assert best
    return best


def _at_least(start: At, end: At, water: str) -> Iterator[tuple[float, Crossing]]:
    """The crossings of a water, and the minutes of a way over each where no other water lies between."""
    for one, km in zip(crossings()[water], _before(start, water), strict=True):
        yield driving(km + distance_km(*one.at, *end)) + one.extra, one


@lru_cache(maxsize=1_000)
def _before(start: At, water: str) -> tuple[float, ...]:
    """Kilometres to each crossing of a water: asked of one start with a thousand ends."""
    return tuple(distance_km(*start, *one.at) for one in crossings()[water])


def _over(one: Crossing, start: At, end: At, passed: frozenset[str]) -> Way:
    here, there = _way(start, one.at, passed), _way(one.at, end, passed)
    over = (*here.crossings, one, *there.crossings)
    return Way(here.km + there.km, here.extra + one.extra + there.extra, over)


def driving(km: float) -> float:
    """Minutes for a straight line of `km`, without crossings."""
    left, minutes = km * WINDING, 0.0
    for length, each in SPEEDS:
        minutes += min(left, length) * each
        left = max(0.0, left - length)
    return minutes


def reach_km(minutes: float) -> int:
    """A straight line so long takes at least `minutes`: nothing farther off is nearer in time."""
    road = 0.0
    for length, each in SPEEDS:
        part = min(minutes, length * each)
        road, minutes = road + part / each, minutes - part
    return int(road / WINDING) + 1


def _between(start: At, end: At) -> Iterator[str]:
    """The waters that the straight line meets."""
    low, high = _box((start, end))
    for name, (line, least, most) in _waters().items():
        apart = most[0] < low[0] or least[0] > high[0] or most[1] < low[1] or least[1] > high[1]
        if not apart and any(_cross(start, end, one, other) for one, other in pairwise(line)):
            yield name


def _cross(a: At, b: At, c: At, d: At) -> bool:
    """Whether two pieces of line meet, on a map of degrees."""
    return (_side(a, b, c) > 0) != (_side(a, b, d) > 0) and (_side(c, d, a) > 0) != (_side(c, d, b) > 0)


def _side(a: At, b: At, point: At) -> float:
    return (b[0] - a[0]) * (point[1] - a[1]) - (b[1] - a[1]) * (point[0] - a[0])


def _box(points: tuple[At, ...]) -> tuple[At, At]:
    lats, lons = zip(*points, strict=True)
    return (min(lats), min(lons)), (max(lats), max(lons))


@cache
def crossings() -> Mapping[str, tuple[Crossing, ...]]:
    """All that there are, by water."""
    found: dict[str, tuple[Crossing, ...]] = {}
    for row in _rows("crossings.csv"):
        at = float(row["lat"]), float(row["lon"])
        one = Crossing(row["water"], row["name"], row["kind"], at, float(row["extra"]))
        found[one.water] = (*found.get(one.water, ()), one)
    return found


@cache
def _waters() -> Mapping[str, tuple[tuple[At, ...], At, At]]:
    """The middle line of each water, and the box around it."""
    lines = {row["water"]: tuple(_point(text) for text in row["line"].split("|")) for row in _rows("waters.csv")}
    return {name: (line, *_box(line)) for name, line in lines.items()}


def _point(text: str) -> At:
    lat, lon = text.split()
    return float(lat), float(lon)


def _rows(name: str) -> Iterator[dict[str, str]]:
    yield from csv.DictReader(files("pendler").joinpath(name).read_text("utf-8").splitlines())
