"""How right clusters are: real advertisements, and what other services would make of them when they pass them on.

Each advertisement beside the checkout is relayed by two more sources in seven ways that were seen between services:
other capitals, gender marks, legal forms, a shortened text, a text with an introduction, no employer, no text. A pair
of one advertisement is to be found, a pair of two is not; so all 110 are each other's hard negatives. Real pairs
are those that Norway's service published itself and through EURES.
"""

import html
import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.coded_titles import FEEDS
from schemas.event import VacancyMatched
from schemas.vacancy import Derived, Employer, Location, Origin, Profile, Status, Vacancy
from services.ingest.feeds import eures_hrxml
from services.match.openings import Opening, opening_of, same

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WELCOME = "This vacancy reaches you through the network of employment services. Please quote its number. " * 2


@dataclass(frozen=True)
class Ad:
    """What of an advertisement is relayed."""

    number: str
    language: str
    title: str
    text: str
    employer: str | None
    city: str | None


RELAYS: dict[str, Callable[[Ad], dict[str, Any]]] = {
    "as it is": lambda _: {},
    "capitals": lambda ad: {"title": ad.title.upper(), "employer": ad.employer and ad.employer.upper()},
    "gender mark": lambda ad: {"title": f"{ad.title} (m/w/d)"},
    "legal form": lambda ad: {"employer": ad.employer and f"{ad.employer} AG"},
    "shortened": lambda ad: {"text": ad.text[: max(400, len(ad.text) // 2)]},
    "introduced": lambda ad: {"text": WELCOME + ad.text},
    "no employer": lambda _: {"employer": None},
    "no text": lambda _: {"text": ""},
}
SISTERS: dict[str, Callable[[Ad, Ad], dict[str, Any]]] = {
    "another town": lambda ad, _: {"city": f"{ad.city} Nord"},
    "another ward": lambda ad, next_ad: {"text": ad.text[: len(ad.text) // 2] + next_ad.text},
    "another post": lambda _, next_ad: {"title": next_ad.title},
    "another employer": lambda _, next_ad: {"employer": f"{next_ad.employer} Services"},
}
"""Openings that share all but one thing with an advertisement, and are others."""
TWICE = {("n14", "n15"), ("n15", "n14")}
"""Advertisements of one opening: the same words, title and town, one without the employer."""
Line = tuple[str, float, str, dict[str, Any]]


def clusters(_: Path, __: Path) -> Iterator[Line]:
    """Precision and recall over all pairs of two sources."""
    found, missed, ads = 0, dict.fromkeys(RELAYS, 0), list(_ads())
    owns = [_opening("own", ad, {}) for ad in ads]
    wrong = {name: _sisters(ads, owns, sister) for name, sister in SISTERS.items()} | {"another ad": 0}
    for name, relay in RELAYS.items():
        relayed = [_opening("relay", ad, relay(ad)) for ad in ads]
        for (n, one), (m, other) in itertools.product(enumerate(owns), enumerate(relayed)):
            alike = same(one, other) is not None
            found += alike and n == m
            wrong["another ad"] += alike and n != m and (ads[n].number, ads[m].number) not in TWICE
            missed[name] += n == m and not alike
    pairs = len(ads) * len(RELAYS)
    conditions = {
        "ads": len(ads),
        "pairs": pairs,
        "others": (pairs + len(SISTERS)) * (len(ads) - 1),
        "wrong": wrong,
        "missed": missed,
    }
    yield "match/clusters precision", found / max(1, found + sum(wrong.values())), "share", conditions
    yield "match/clusters recall", found / pairs, "share", {"pairs": pairs}
    real = [same(*pair) is not None for pair in _real_pairs()]
    yield "match/clusters real pairs", sum(real) / max(1, len(real)), "share", {"pairs": len(real)}


def _sisters(ads: list[Ad], owns: list[Opening], sister: Callable[[Ad, Ad], dict[str, Any]]) -> int:
    """How many are taken for one opening with their sister; those that state what it is by which it differs."""
    found = 0
    for ad, next_ad, own in zip(ads, ads[1:], owns, strict=False):
        changes = sister(ad, next_ad)
        differs = all(getattr(ad, name) and getattr(ad, name) != value for name, value in changes.items())
        found += differs and same(own, _opening("relay", ad, changes)) is not None
    return found


def _opening(source: str, ad: Ad, changes: dict[str, Any]) -> Opening:
    told = {**ad.__dict__, **changes}
    vacancy = Vacancy(
        origin=Origin(external_id=f"{source}-{ad.number}"[:200]),
        profiles=(Profile(language=ad.language, title=told["title"][:500], text=told["text"][:100_000]),),
        employer=Employer(name=told["employer"]),
        locations=(Location(city=told["city"]),) if told["city"] else (),
    )
    made = opening_of(_event(f"{source}:{ad.number}", vacancy))
    assert made
    return made


def _event(ref: str, vacancy: Vacancy) -> VacancyMatched:
    language = vacancy.profiles[0].language
    return VacancyMatched(
        ref=ref, revision=1, status=Status.ACTIVE, at=NOW, vacancy=vacancy, derived=Derived(language=language)
    )


def _ads() -> Iterator[Ad]:
    """Advertisements of France and Norway; their numbers are not compared."""
    for n, ad in enumerate(_read("fr_francetravail/offres_search_2025-03-11_a.json")["resultats"]):
        city = re.sub(r"^\w+ - ", "", ad["lieuTravail"]["libelle"])
        yield Ad(f"f{n}", "fr", ad["intitule"], ad["description"], ad.get("entreprise", {}).get("nom"), city)
    for n, ad in enumerate(_read("no_nav/elektriker_page1.json")["content"]):
        yield _norwegian(ad, f"n{n}")


def _norwegian(ad: dict[str, Any], number: str) -> Ad:
    text = html.unescape(re.sub(r"<[^>]+>", " ", ad["properties"].get("adtext") or ""))
    place = (ad.get("locationList") or [{}])[0]
    employer = ad.get("businessName") or (ad.get("employer") or {}).get("name")
    return Ad(number, "nb", ad["title"], text, employer, place.get("city") or place.get("municipal"))


def _real_pairs() -> Iterator[tuple[Opening, Opening]]:
    """What NAV publishes, and the same as it gave it to EURES."""
    for name in ("ad_1", "ad_with_nace"):
        own = _opening("no", _norwegian(_read(f"no_nav/{name}.json"), name), {})
        body = (FEEDS / "eures_hrxml_no" / f"{name}.xml").read_bytes()
        [item] = eures_hrxml.FEED.split(body)
        reading = eures_hrxml.FEED.normalise(item.body, NOW)
        other = opening_of(_event("eures:1", reading.vacancy))
        assert other
        yield own, other


def _read(name: str) -> Any:
    return json.loads((FEEDS / name).read_text())
