"""Where a vacancy is: towns, postcodes and NUTS-3 regions of Europe, read from one small SQLite file."""

import json
import math
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from pendler.place_names import (
    COUNTRIES,
    SPOKEN,
    UNKNOWN,
    brief,
    city_keys,
    country_code,
    postcode_in,
    postcode_keys,
    town_keys,
)
from pendler.regions import Regions

FORMAT = 2  # of the file that place_file.build() writes; rises when an older file would answer otherwise
REMEMBERED = 16_384  # locations kept in memory: feeds repeat the same few thousand
CITY = 100_000  # inhabitants from which "Berlin-Mitte" is taken for a part of Berlin
BORDER_KM = 60  # a name in a neighbour's language is meant for a place so near to where it is spoken
LIKELIER = 10.0  # times
NAMED = """
SELECT key, rank, region, nuts, place.name, place.country, lat, lon, population
FROM name JOIN place USING (id)
WHERE key IN (SELECT value FROM json_each(?)) AND name.country BETWEEN ? AND ?
"""
BEGINNING = """
SELECT name, country, lat, lon, population FROM place
WHERE id IN (SELECT id FROM name WHERE key >= ? AND key < ?) ORDER BY population DESC LIMIT ?
"""
LARGEST = """
SELECT name, country, lat, lon, population FROM place
WHERE country = ? AND (nuts = ? OR (nuts IS NULL AND region = ?)) ORDER BY population DESC LIMIT 1
"""
PART_KM, PART = 6, 0.05  # a namesake so near a town ten times as large is a part of that: Salamanca in Madrid
LARGER = """
SELECT 1 FROM place WHERE country = ? AND lat BETWEEN ? AND ? AND lon BETWEEN ? AND ? AND population > ? LIMIT 1
"""
BESIDE = """
SELECT 1 FROM place WHERE country IN (SELECT value FROM json_each(?))
AND lat BETWEEN ? AND ? AND lon BETWEEN ? AND ? LIMIT 1
"""


@dataclass(frozen=True)
class Place:
    """One town or village."""

    name: str
    country: str
    lat: float
    lon: float
    population: int


@dataclass(frozen=True)
class Located:
    """Where a stated location is; found by postcode, town or postcode+town; how far off its point may be."""

    nuts: str | None
    nuts_version: str | None
    lat: float | None
    lon: float | None
    method: str
    radius_km: float | None


@dataclass(frozen=True)
class _Match:
    """A place that bears a name: rank 0 as its own, 1 as an alternative; 2 and 3 when spelt loosely."""

    key: str
    rank: int
    region: str
    nuts: str | None
    place: Place
    likelier: float = 1.0

    @property
    def weight(self) -> float:
        return (self.place.population + 1) * 0.1**self.rank * self.likelier

    def agrees(self, nuts: str | None) -> bool:
        return nuts is None or nuts.startswith(self.region)


class Places:
    """Answers where a place is; safe to share between threads."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db, self._lock, self._regions = db, Lock(), Regions(db)
        self._version: str | None = db.execute("SELECT nuts_version FROM about").fetchone()[0]
        self._remembered = lru_cache(REMEMBERED)(self._locate)

    def locate(
        self, country: str | None, postcode: str | None, town: str | None, language: str | None = None
    ) -> Located | None:
        """Where this is. What is not known, or might be in two countries, is None: never a guess.

        `language` is what the advertisement is written in: in Dutch, Aken in Germany is Aachen.
        """
        return self._remembered(country_code(country), brief(postcode), brief(town), SPOKEN.get(language or "", ()))

    def region_at(self, country: str | None, lat: float, lon: float) -> tuple[str, str] | None:
        """The NUTS-3 region of a point and the version; None where no outlines were imported."""
        home = country_code(country)
        with self._lock:
            found = self._regions.at(lat, lon, "" if home == UNKNOWN else home)
        return (found, self._version) if found and self._version else None

    def nuts(self, country: str, postcode: str) -> str | None:
        """The NUTS-3 region of a postcode in any usual spelling."""
        home = country_code(country)
        for code in postcode_keys(home, brief(postcode)):
            if rows := self._rows("SELECT nuts FROM postcode WHERE country = ? AND code = ?", home, code):
                return str(rows[0][0])
        return None

    def find(self, name: str, country: str | None = None, limit: int = 5) -> list[Place]:
        """Places of that name, best first: exact names before alternative names, then population.

        `Halle, BE` says the country; a postcode before the town is passed over, and one alone is the largest town of
        its region, where that is known closely enough.
        """
        name, _, stated = brief(name).partition(",")
        home = country_code(country or stated)
        found = self._matches(town_keys(name.removeprefix(postcode_in(name)), home), home)
        best = [m.place for m in sorted(found, key=lambda m: (m.rank, -m.place.population))]
        return list(dict.fromkeys(best or self._largest(name, home)))[: max(limit, 0)]

    def beginning(self, text: str, limit: int = 5) -> list[Place]:
        """The largest places whose name, in any language, begins so."""
        key = (town_keys(brief(text), "") or [""])[0]
        rows = self._rows(BEGINNING, key, f"{key}\U0010ffff", limit) if key else []
        return [Place(*row) for row in rows]

    def _largest(self, code: str, home: str) -> list[Place]:
        """The largest town of the region that a postcode is in, of every country that has such a postcode."""
        whole = "".join(code.split()).upper()
        countries = [one for one in ([home] if home else sorted(COUNTRIES)) if whole in postcode_keys(one, code)[:1]]
        regions = [nuts for one in countries if (nuts := self.nuts(one, code))]
        rows = [row for nuts in regions for row in self._rows(LARGEST, nuts[:2], nuts, nuts[:4])]
        return sorted((Place(*row) for row in rows), key=lambda place: -place.population)

    def close(self) -> None:
        self._db.close()

    def _locate(self, country: str, postcode: str, town: str, lands: tuple[str, ...]) -> Located | None:
        nuts = self.nuts(country, postcode) or self.nuts(country, postcode_in(town))
        if rivals := self._rivals(country, town, nuts, lands):
            best, method = rivals[0].place, "postcode+town" if nuts else "town"
            nuts = nuts or _common(rivals)
            return Located(nuts, nuts and self._version, best.lat, best.lon, method, _doubt(rivals))
        return Located(nuts, self._version, None, None, "postcode", None) if nuts else None

    def _rivals(self, country: str, town: str, nuts: str | None, lands: tuple[str, ...]) -> list[_Match]:
        """What the first known spelling of the town may mean in the postcode's region, best first."""
        found = self._matches(town_keys(town, country), country)
        found = found or [m for m in self._matches(city_keys(town), country) if m.place.population >= CITY]
        found = [m for m in found if m.agrees(nuts)]
        same = [m for m in found if m.key == found[0].key]
        if len(same) > 1:
            same = [replace(m, likelier=self._likelier(m.place, lands, country)) for m in same]
        same.sort(key=lambda m: -m.weight)
        if not country and len({m.place.country for m in _near(same, 100)}) > 1:
            return []
        return _near(same, 5)

    def _likelier(self, place: Place, lands: tuple[str, ...], country: str) -> float:
        """Less for a part of a city; more, in a neighbour's language, for what lies near the neighbour."""
        part = self._rows(LARGER, place.country, *_box(place, PART_KM), 10.0 * place.population + 1)
        foreign = lands and country not in lands and self._rows(BESIDE, json.dumps(lands), *_box(place, BORDER_KM))
        return (PART if part else 1.0) * (LIKELIER if foreign else 1.0)

    def _matches(self, keys: list[str], country: str) -> list[_Match]:
        """What bears one of these names, in the order of the names."""
        rows = self._rows(NAMED, json.dumps(keys), country, country or "~")
        found = (_Match(key, rank, region, nuts, Place(*place)) for key, rank, region, nuts, *place in rows)
        return sorted(found, key=lambda m: keys.index(m.key))

    def _rows(self, sql: str, *values: str | float) -> list[Any]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()


def distance_km(a_lat: float, a_lon: float, b_lat: float, b_lon: float) -> float:
    """Great-circle distance (haversine)."""
    a, b, turn = math.radians(a_lat), math.radians(b_lat), math.radians(b_lon - a_lon)
    half = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(turn / 2) ** 2
    return 12_742 * math.asin(math.sqrt(min(half, 1.0)))


def _near(matches: list[_Match], times: int) -> list[_Match]:
    return [m for m in matches if m.weight * times >= matches[0].weight]


def _box(place: Place, km: float) -> tuple[float, float, float, float]:
    """South, north, west and east of a place."""
    high = km / 111
    wide = high / max(0.1, math.cos(math.radians(place.lat)))
    return place.lat - high, place.lat + high, place.lon - wide, place.lon + wide


def _common(rivals: list[_Match]) -> str | None:
    """The region in which all of them lie."""
    regions = {match.nuts for match in rivals}
    return regions.pop() if len(regions) == 1 else None


def _doubt(rivals: list[_Match]) -> float:
    """The town's own size, or as far as the next town that might as well be meant."""
    best, *_ = places = [match.place for match in rivals]
    size = max(5.0, math.sqrt(best.population / 8_000))  # Berlin: 21 km
    return round(max(size, *(distance_km(best.lat, best.lon, p.lat, p.lon) for p in places)), 1)


def open_places(path: Path) -> Places:
    """The file that place_file.build() wrote; it is read where it lies, nothing is loaded."""
    if not path.is_file():
        raise FileNotFoundError(f"no places at {path}: make the file once with pendler.place_file.build()")
    db = read_only(path)
    if db.execute("PRAGMA user_version").fetchone()[0] != FORMAT:
        db.close()
        raise ValueError(f"{path} has another format: make it anew with pendler.place_file.build()")
    return Places(db)


def usable(path: Path) -> bool:
    """Whether the file is there and of the format that is read today."""
    if not path.is_file():
        return False
    with closing(read_only(path)) as db:
        return bool(db.execute("PRAGMA user_version").fetchone()[0] == FORMAT)


def read_only(path: Path) -> sqlite3.Connection:
    """A database that nobody changes."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
