"""Real titles with codes, beside the checkout, of classifications and advertisements: what an answer is scored on.

A title comes with the ISCO-08 groups that its code means; where a national code means several, each is right.
"""

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from services.match.esco_files import SURE

SHARED = Path(__file__).parents[2] / "shared"
BENCHMARKS, ESCO, FEEDS = SHARED / "benchmarks", SHARED / "esco", SHARED / "feeds"
GERMAN_TITLES = SHARED / "reference" / "national_codes" / "de_ba_berufe_kldb2010.json"
OURS = {"no": "nb"}
JOBTECH = "http://data.jobtechdev.se/taxonomy/concept/"
CLASSIFICATIONS = ("usa_en", "nld_nl", "dnk_da", "deu_de", "fra_fr", "swe_sv")


@dataclass(frozen=True)
class Coded:
    """A title and the ISCO-08 groups, of one to four digits, that are right for it."""

    language: str
    title: str
    groups: frozenset[str]

    def right(self, isco: str) -> bool:
        """Whether an ISCO-08 unit group is, or lies in, one of the right ones."""
        return len(isco) == 4 and any(isco.startswith(group) for group in self.groups)


def classification_titles() -> Iterator[tuple[str, list[Coded]]]:
    """The titles of national classifications; Norway publishes none that are coded."""
    for name in CLASSIFICATIONS:
        yield name, _benchmark(f"melo_{name}")


def advertisement_titles() -> Iterator[tuple[str, list[Coded]]]:
    """Titles of advertisements that their services coded; those whose code has no counterpart in ESCO are left out."""
    yield "ads en, a job board", _benchmark("jobbert_val")
    yield "ads fr, France Travail", list(_french())
    yield "ads de, BA", list(_german())
    yield "ads nb, NAV", list(_norwegian())
    yield "ads sv, JobTech", list(_swedish())


def _benchmark(name: str) -> list[Coded]:
    with gzip.open(BENCHMARKS / f"{name}.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    return [_coded(row["lang"], row["query"], row["gold"]) for row in rows]


def _coded(language: str, title: str, uris: list[str] | set[str]) -> Coded:
    return Coded(OURS.get(language, language), title, frozenset(filter(None, map(_group, uris))))


def _group(uri: str) -> str:
    return uri.rpartition("/C")[2] if "isco/C" in uri else _groups().get(uri, "")


@cache
def _groups() -> dict[str, str]:
    return {row["uri"]: row["isco"] for row in _rows(ESCO / "occupations_meta.csv.gz")}


def _french() -> Iterator[Coded]:
    meant = _meant("fra_fr", "title")
    for ad in _read("fr_francetravail")["resultats"]:
        if uris := meant.get(ad["appellationlibelle"]):
            yield _coded("fr", ad["intitule"], uris)


def _german() -> Iterator[Coded]:
    meant = _meant("deu_de", "national_id")
    codes = {one["neutral_kurz"]: one["bkz"] for one in json.loads(GERMAN_TITLES.read_text())}
    for ad in _read("de_ba", "jobsuche_v4*")["stellenangebote"]:
        if uris := meant.get(codes.get(ad["beruf"], "")):
            yield _coded("de", ad["titel"], uris)


def _norwegian() -> Iterator[Coded]:
    pages = [json.loads(path.read_text()) for path in sorted((FEEDS / "no_nav").glob("*.json"))]
    ads = [ad for page in pages for ad in (page if isinstance(page, list) else page.get("content") or [page])]
    for title, code in sorted({(ad["title"], _styrk(ad)) for ad in ads if ad.get("title") and _styrk(ad)}):
        yield Coded("nb", title, frozenset([code]))


def _styrk(ad: dict[str, Any]) -> str:
    """The first four digits of NAV's code, which are ISCO-08's."""
    return next((one["code"][:4] for one in ad.get("categoryList", ()) if one.get("categoryType")), "")


def _swedish() -> Iterator[Coded]:
    meant = _meant("swe_sv", "national_id")
    for path in sorted((FEEDS / "se_jobtech").glob("job*.json")):
        found = json.loads(path.read_text())["hits"]
        for hit in found["hits"] if isinstance(found, dict) else found:
            ad = hit.get("_source", hit)
            if uris := meant.get((ad.get("occupation") or {}).get("concept_id", "")):
                yield _coded("sv", ad["headline"], uris)


def _read(feed: str, pattern: str = "*.json") -> Any:
    return json.loads(next(iter(sorted((FEEDS / feed).glob(pattern)))).read_text())


def _meant(crosswalk: str, column: str) -> dict[str, set[str]]:
    """What a national code or title stands for; where something is it, what only comes near is left out."""
    found: dict[str, dict[bool, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in _rows(ESCO / "crosswalks" / f"occ_{crosswalk}.csv.gz"):
        near = row["relation"] not in SURE
        found[row[column].removeprefix(JOBTECH)][near].add(row["uri"])
    return {key: some.get(False) or some[True] for key, some in found.items()}


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8") as text:
        yield from csv.DictReader(text)
