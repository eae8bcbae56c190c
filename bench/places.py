"""How right the regions are: `python -m bench.places`. The stated NUTS and coordinates are hidden, then compared.

Each file of real advertisements beside the checkout goes through the adapter of its feed; `SHAPES` reads those that
have none yet, place by place. The truth is the stated NUTS-3 region, else the one that the stated point lies in.
"""

import csv
import json
import os
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pendler.place_file import build
from pendler.places import Places, open_places
from schemas.vacancy import Location, Vacancy
from services.ingest.feed import Feed, Flaw, feeds
from services.match.language import language_of

SHARED = Path(__file__).parents[2] / "shared"
REGIONS = SHARED / "reference" / "nuts" / "NUTS_RG_60M_2024_4326.geojson"
NOW = datetime(2026, 11, 1, tzinfo=UTC)
ADAPTERS = {
    "eures_hrxml_no": "eures_hrxml",
    "eures_hrxml_se": "eures_hrxml",
    "se_af_hrxml": "hrxml",
    "nl_setu_hrxml": "hrxml",
    "xml_jobfeed_recruityard": "jobfeed_xml",
}
"""Folder -> feed, where their names differ."""
LAND = {"Deutschland": "DE", "DEUTSCHLAND": "DE"}
Stated = tuple[Location, str | None]
"""A stated place, and the language of its advertisement."""


def francetravail(path: Path) -> Iterator[Stated]:
    """The commune as France Travail writes it: `06 - CANNES`."""
    for ad in json.loads(path.read_text("utf-8"))["resultats"]:
        at = ad["lieuTravail"]
        point = {"lat": at.get("latitude"), "lon": at.get("longitude")}
        yield Location(country="FR", postcode=at.get("codePostal"), city=at["libelle"], **point), "fr"


def arbeitsagentur(path: Path) -> Iterator[Stated]:
    """The place of an answer of the German agency, version 4."""
    for ad in json.loads(path.read_text("utf-8")).get("stellenangebote", ()):
        at = ad["arbeitsort"]
        point = {"lat": at["koordinaten"]["lat"], "lon": at["koordinaten"]["lon"]}
        yield Location(country=LAND.get(at["land"]), postcode=at.get("plz"), city=at["ort"], **point), "de"


def ecyl(path: Path) -> Iterator[Stated]:
    """The locality of an offer of Castilla y León; there are no postcodes."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        for ad in csv.DictReader(lines, delimiter=";"):
            if ad["latitud"] and ad["localidad"]:
                point = {"lat": float(ad["latitud"]), "lon": float(ad["longitud"])}
                yield Location(country="ES", city=ad["localidad"], **point), "es"


SHAPES: dict[str, Callable[[Path], Iterator[Stated]]] = {
    "fr_francetravail": francetravail,
    "de_ba": arbeitsagentur,
    "es_ecyl": ecyl,
}


def stated() -> Iterator[tuple[str, Stated]]:
    """Every stated place of every real file, with how it was read."""
    known = feeds()
    for folder in sorted((SHARED / "feeds").iterdir()):
        feed = known.get(ADAPTERS.get(folder.name, folder.name))
        for path in sorted(folder.glob("*")) if folder.is_dir() else ():
            if feed:
                yield from ((f"{folder.name} (adapter)", one) for one in adapted(feed, path))
            elif shape := SHAPES.get(folder.name):
                yield from ((folder.name, one) for one in shape(path) if one[0].lat is not None)


def adapted(feed: Feed, path: Path) -> Iterator[Stated]:
    """The places that an adapter finds in a file; what it refuses has none."""
    try:
        items = list(feed.split(path.read_bytes()))
    except Flaw:
        return
    for item in items:
        try:
            vacancy = feed.normalise(item.body, NOW).vacancy
        except Flaw:
            continue
        yield from of(vacancy)


def of(vacancy: Vacancy) -> Iterator[Stated]:
    for location in vacancy.locations:
        if (location.nuts and len(location.nuts) == 5) or location.lat is not None:
            yield location, language_of(vacancy.profiles[0])


def truth(location: Location, places: Places) -> str | None:
    """The region that the source states; for a point, the one it lies in."""
    if location.nuts and len(location.nuts) == 5:
        return location.nuts
    if location.lat is None or location.lon is None:
        return None
    found = places.region_at(location.country, location.lat, location.lon)
    return found and found[0]


def main() -> None:
    """Prints one line for all places and one for each feed; with `--wrong`, what was placed wrongly or not at all."""
    if not REGIONS.is_file():
        sys.exit(f"no regions at {REGIONS}")
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder) / "places.db", lambda _: None, REGIONS)
        places = open_places(Path(folder) / "places.db")
        known = [(feed, where, truth(where[0], places)) for feed, where in stated()]
        began = time.process_time()
        answers = [places.locate(at.country, at.postcode, at.city, spoken) for _, (at, spoken), _ in known]
        rate = len(answers) / (time.process_time() - began)
    counts: dict[str, Counter[str]] = {}
    for (feed, (at, _), right), found in zip(known, answers, strict=True):
        nuts = found.nuts if found else None
        fate = "unjudged" if right is None else "right" if nuts == right else "wrong" if nuts else "unplaced"
        counts.setdefault(feed, Counter())[fate] += 1
        if "--wrong" in sys.argv and fate in ("wrong", "unplaced"):
            print(fate, feed, at.model_dump_json(exclude_defaults=True), nuts, right, file=sys.stderr)
    whole = sum(counts.values(), Counter[str]())
    tell("match/place: NUTS-3 right of those placed", share(whole["right"], whole["wrong"]), "%", {**whole})
    tell("match/place: placed", share(whole["right"] + whole["wrong"], whole["unplaced"]), "%", {"feeds": counts})
    tell("match/place: speed, none remembered before", rate, "places/s", {"places": len(answers)})


def share(those: int, others: int) -> float:
    return 100 * those / max(1, those + others)


def tell(bench: str, value: float, unit: str, conditions: dict[str, Any]) -> None:
    machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "load": round(os.getloadavg()[0], 2)}
    line = {"bench": bench, "value": round(value, 4), "unit": unit, "conditions": {**conditions, **machine}}
    print(json.dumps(line, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
