"""NUTS-3 regions as outlines: which one a point lies in. From Eurostat's GeoJSON, which the operator imports."""

import json
import math
import sqlite3
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from pendler.place_names import fold

TELLTALES = {"2024": "PT191", "2021": "HR021"}  # newest first: NUTS codes that no version before has
REACH_KM = 15.0  # outlines are simplified: a harbour may lie so far outside all of them
NAMESAKE_KM = 3.0  # a town so near to the region of its own name is in it: Flensburg
KEPT = 64  # outlines in memory
OUTLINES = "CREATE TABLE region (nuts PRIMARY KEY, name, south REAL, north REAL, west REAL, east REAL, rings TEXT)"
AROUND = """
SELECT nuts, name FROM region WHERE nuts BETWEEN ? AND ?
AND south - ? < ? AND north + ? > ? AND west - ? < ? AND east + ? > ?
"""
Ring = Sequence[tuple[float, float]]
"""A closed line of (longitude, latitude)."""


class BadRegions(ValueError):
    """A file that is not Eurostat's GeoJSON of NUTS regions; the message says what is wanted."""


class Regions:
    """The outlines in a file of places; knows nothing where none were imported."""

    def __init__(self, db: sqlite3.Connection, kept: int | None = KEPT) -> None:
        self._db = db
        self._rings = lru_cache(kept)(self._read)

    def at(self, lat: float, lon: float, within: str = "", town: str = "") -> str | None:
        """The region of a point, in the country or the NUTS region `within`; the nearest where it is just outside.

        Outlines are coarse: where the point is that of `town`, a region called so may be a little way off.
        """
        high, wide = REACH_KM / 111, REACH_KM / 111 / max(0.1, math.cos(math.radians(lat)))
        box = (high, lat, high, lat, wide, lon, wide, lon)
        near = self._db.execute(AROUND, (within, f"{within}~", *box)).fetchall()
        inside = {code for code, _ in near if covers(self._rings(code), lat, lon)}
        gaps = [
            (self._gap(code, lat, lon, code in inside) - (NAMESAKE_KM if is_called else 0), code)
            for code, name in near
            if (is_called := bool(town) and named(name) == town) or code in inside or not inside
        ]
        gap, code = min(gaps, default=(math.inf, ""))
        return str(code) if gap <= REACH_KM else None

    def _gap(self, code: str, lat: float, lon: float, inside: bool) -> float:
        return 0.0 if inside else gap_km(self._rings(code), lat, lon)

    def _read(self, code: str) -> list[Ring]:
        found = self._db.execute("SELECT rings FROM region WHERE nuts = ?", (code,)).fetchone()
        return [[(x, y) for x, y in ring] for ring in json.loads(found[0])]


def covers(rings: Sequence[Ring], lat: float, lon: float) -> bool:
    """Whether a point is in an area; holes are rings too."""
    return bool(sum(_crosses(ring, lat, lon) for ring in rings) % 2)


def gap_km(rings: Sequence[Ring], lat: float, lon: float) -> float:
    """How far a point is from an area: 0 inside."""
    if covers(rings, lat, lon):
        return 0.0
    wide = math.cos(math.radians(lat))
    flat = ([((x - lon) * wide * 111.2, (y - lat) * 111.2) for x, y in ring] for ring in rings)
    return min(_from_origin(a, b) for ring in flat for a, b in pairwise(ring))


def _crosses(ring: Ring, lat: float, lon: float) -> int:
    """How often a line from the point to the east meets the ring."""
    return sum((y > lat) != (v > lat) and lon < (u - x) * (lat - y) / (v - y) + x for (x, y), (u, v) in pairwise(ring))


def _from_origin(a: tuple[float, float], b: tuple[float, float]) -> float:
    along = (b[0] - a[0], b[1] - a[1])
    length = along[0] ** 2 + along[1] ** 2
    share = min(1.0, max(0.0, -(a[0] * along[0] + a[1] * along[1]) / length)) if length else 0.0
    return math.hypot(a[0] + share * along[0], a[1] + share * along[1])


def named(region: str) -> str:
    """What a region is called, without what kind of district it is: `Flensburg, Kreisfreie Stadt`."""
    return fold(region.partition(",")[0])


def version_of(codes: set[str]) -> str | None:
    """The version of NUTS that a set of codes is of."""
    return next((version for version, code in TELLTALES.items() if code in codes), None)


def write_regions(db: sqlite3.Connection, source: Path | None) -> int:
    """Writes the outlines of a file, if there is one.

    Raises:
        BadRegions: the file is not what is wanted.
    """
    db.execute(OUTLINES)
    for code, name, rings in outlines(source) if source else ():
        xs, ys = zip(*(point for ring in rings for point in ring), strict=True)
        box = (min(ys), max(ys), min(xs), max(xs))
        db.execute("INSERT INTO region VALUES (?,?,?,?,?,?,?)", (code, name, *box, json.dumps(rings)))
    return int(db.execute("SELECT count(*) FROM region").fetchone()[0])


def outlines(source: Path) -> Iterator[tuple[str, str, list[list[list[float]]]]]:
    """Code, name and rings of each NUTS-3 region of Eurostat's GeoJSON (NUTS_RG_*_4326: longitude and latitude)."""
    wanted = "wanted is Eurostat's NUTS_RG_..._4326.geojson with the regions of level 3"
    try:
        features = json.loads(source.read_text("utf-8"))["features"]
        found = [_outline(one) for one in features if one["properties"]["LEVL_CODE"] == 3]
    except (ValueError, KeyError, TypeError) as error:
        raise BadRegions(f"{source}: {wanted} ({type(error).__name__}: {error})") from error
    if not found or any(abs(y) > 90 for *_, rings in found[:50] for ring in rings for _, y in ring):
        raise BadRegions(f"{source}: {wanted}")
    yield from found


def _outline(feature: dict[str, Any]) -> tuple[str, str, list[list[list[float]]]]:
    parts = feature["geometry"]["coordinates"]
    polygons = [parts] if feature["geometry"]["type"] == "Polygon" else parts
    rings = [[[round(x, 5), round(y, 5)] for x, y, *_ in ring] for polygon in polygons for ring in polygon]
    about = feature["properties"]
    return str(about["NUTS_ID"]), str(about.get("NUTS_NAME", "")), rings
