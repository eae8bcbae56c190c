"""What of each real file becomes vacancies, and that what its records state is in them; prints the shares.

The files are no part of this project: they lie beside it. Where they are absent the test says so.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from schemas.vacancy import Location, Vacancy
from services.ingest.feed import Feed, Flaw, Item, Reading, feeds
from services.match.language import language_of

REAL = Path(__file__).resolve().parents[2] / "shared" / "feeds"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
Stated = bool | tuple[str, ...] | Callable[[Any], bool]
"""Whether a record states something: always, where one of these members or elements has a text, or as told."""
FIELDS: Mapping[str, Callable[[Vacancy], object]] = {
    "title": lambda one: one.title,
    "country": lambda one: any(place.country for place in one.locations),
    "language": lambda one: any(map(language_of, one.profiles)),
    "dates": lambda one: one.published or one.updated or one.expires or one.apply_by,
    "employer": lambda one: one.employer.name or one.employer.legal_id,
    "place": lambda one: any(place != Location(country=place.country) for place in one.locations),
    "codes": lambda one: one.occupations,
    "pay": lambda one: one.pay,
    "text": lambda one: one.profiles[0].text,
}


@dataclass(frozen=True)
class Source:
    """Real files of a feed, how many records they have, and what of it not every record states."""

    feed: str
    files: str
    records: int
    stated: Mapping[str, Stated]


def has_a_category(ad: Any) -> bool:
    return any(one.get("categoryType") for one in ad.get("categoryList") or ())


def has_a_town(ad: Any) -> bool:
    return bool(ad.get("locationList", [{}])[0].get("city"))


def has_a_region(one: Any) -> bool:
    return any(map(any, one["locationMap"].values()))


def has_a_text(entry: Any) -> bool:
    return any(field.get("name") == "general_text" for field in entry.iter("{*}field"))


def names_a_town(job: Any) -> bool:
    """Agencies put the name of the country where a town belongs."""
    return (job.findtext("city") or job.findtext("region")) not in {"Portugal", "Greece", "Spain", "Poland", "Bulgaria"}


SOURCES = [
    Source("cz_mpsv", "cz_mpsv/*", 1288, {"text": ("/upresnujiciInformace/cs",)}),
    Source("de_ba", "de_ba/*", 17, {"pay": ("/gehaltsspanneVon",), "text": False}),
    Source(
        "es_ecyl",
        "es_ecyl/*",
        421,
        {"country": lambda row: row["provincia"] != "Otra", "employer": False, "codes": False, "pay": False},
    ),
    Source(
        "eures_hrxml",
        "eures_hrxml_*/*",
        4,
        {"dates": ("ApplicationCloseDate",), "pay": ("MinimumAmount", "MaximumAmount")},
    ),
    Source("eures_portal", "eures_portal/jv*", 4, {"place": has_a_region, "pay": False}),
    Source("eures_portal", "eures_portal/legacy_s*", 2, {"pay": ("/jobVacancyHeader/maximalSalary",)}),
    Source("eures_portal", "eures_portal/legacy_g*", 1, {"dates": False, "pay": ("MinimumAmount",)}),
    Source("fi_tmt", "fi_tmt/*", 1, {"place": ("/sijainti/toimipaikka/postinumero",), "pay": False}),
    Source(
        "fr_francetravail",
        "fr_francetravail/*",
        90,
        {"employer": ("/entreprise/nom",), "pay": ("/salaire/libelle",), "place": ("/lieuTravail/codePostal",)},
    ),
    Source(
        "hrxml",
        "nl_setu_hrxml/*",
        3,
        {"employer": ("EntityName", "StaffingCustomerId"), "codes": ("CategoryCode",), "pay": ("BasePay", "Amount")},
    ),
    Source("hrxml", "se_af_hrxml/*", 1, {}),
    Source("jobfeed_xml", "xml_jobfeed_recruityard/[fj]*.xml", 258, {"place": names_a_town, "codes": False}),
    Source(
        "jobfeed_xml",
        "xml_jobfeed_recruityard/rss*",
        88,
        dict.fromkeys(("country", "dates", "employer", "place", "codes", "pay"), False),
    ),
    Source("lv_nva", "lv_nva/*", 1027, {"codes": False, "pay": ("/Alga_no", "/Alga_lidz"), "text": False}),
    Source("no_nav", "no_nav/*", 31, {"codes": has_a_category, "pay": False, "place": has_a_town}),
    Source("no_finn_atom", "no_finn_atom/*", 12, {"codes": False, "pay": False, "text": has_a_text}),
    Source("no_nav_xmlstilling", "no_nav_xmlstilling/*", 5, {"codes": False, "pay": False, "place": ("PostalCode",)}),
    Source("se_jobtech", "se_jobtech/*", 5, {"pay": ("/salary_description",)}),
]


def states(item: Item, stated: Stated) -> bool:
    """Whether the record itself, looked at without the feed, states something."""
    if isinstance(stated, bool):
        return stated
    record = etree.fromstring(item.body) if item.body.startswith("<") else json.loads(item.body)
    if not isinstance(stated, tuple):
        return stated(record)
    if isinstance(record, dict):
        return any(member(record, pointer) for pointer in stated)
    return any("".join(found.itertext()).strip() for name in stated for found in record.iter(f"{{*}}{name}"))


def member(record: Any, pointer: str) -> object:
    for name in pointer.split("/")[1:]:
        record = record.get(name) if isinstance(record, dict) else None
    return record.strip() if isinstance(record, str) else record


def outcome(feed: Feed, item: Item) -> Reading | str:
    if item.flaw:
        return item.flaw.rule
    try:
        return feed.normalise(item.body, NOW)
    except Flaw as flaw:
        return flaw.reason.rule


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.files)
def test_what_real_records_state_is_in_their_vacancies(source: Source) -> None:
    if not REAL.is_dir():
        pytest.skip("the folder ../shared/feeds with the services' real files is not here")
    feed, paths = feeds()[source.feed], sorted(REAL.glob(source.files))
    found = [item for path in paths for item in feed.split(path.read_bytes())]
    assert len(found) == source.records, paths
    read = [(item, outcome(feed, item)) for item in found]
    vacancies = [(item, one.vacancy) for item, one in read if isinstance(one, Reading)]
    shares = {"records": len(found), "vacancies": len(vacancies)}
    refused = Counter(one for _, one in read if isinstance(one, str))
    for name, has in FIELDS.items():
        stating = [one for item, one in vacancies if states(item, source.stated.get(name, True))]
        shares[name] = len([one for one in stating if has(one)])
        assert shares[name] >= 0.99 * len(stating), (name, len(stating), shares)
    print(f"\n{source.files}: {shares}, refused: {dict(refused)}")
    assert len(vacancies) >= 0.99 * len(found), refused


PAIRS = {"ad_1.json": "ad_1.xml", "ad_with_nace.json": "ad_with_nace.xml"}
NOT_THE_ADVERTISEMENT = {"extra", "origin", "published", "updated", "profiles", "occupations", "locations"}
"""What differs by design: NAV told EURES the day of its export, and a link for a text. The last two: see below."""


@pytest.mark.parametrize("ad", PAIRS)
def test_what_nav_says_agrees_with_what_it_told_eures(ad: str) -> None:
    if not REAL.is_dir():
        pytest.skip("the folder ../shared/feeds with the services' real files is not here")
    (ours,) = the_vacancies("no_nav", REAL / "no_nav" / ad)
    (theirs,) = the_vacancies("eures_hrxml", REAL / "eures_hrxml_no" / PAIRS[ad])
    own, told = (one.model_dump(exclude_defaults=True, exclude=NOT_THE_ADVERTISEMENT) for one in (ours, theirs))
    agreed = dict(agreeing(own, told))
    assert {"employer/name", "employer/legal_id", "offering", "schedule", "nace", "apply/url"} <= agreed.keys()
    assert {name for name, agrees in agreed.items() if not agrees} == set()
    assert ours.origin.external_id == theirs.origin.external_id
    assert ours.title == theirs.title
    assert {code.code for code in theirs.occupations} <= {code.code for code in ours.occupations}
    here, there = ours.locations[0], theirs.locations[0]
    assert (here.country, here.postcode, here.city, here.address) == (
        there.country, there.postcode, there.city, there.address,
    )  # fmt: skip


def the_vacancies(feed: str, path: Path) -> list[Vacancy]:
    items = feeds()[feed].split(path.read_bytes())
    return [feeds()[feed].normalise(item.body, NOW).vacancy for item in items]


def agreeing(own: dict[str, Any], told: dict[str, Any], at: str = "") -> Iterator[tuple[str, bool]]:
    """Each field that both have, and whether they say the same."""
    for name in own.keys() & told.keys():
        if isinstance(own[name], dict):
            yield from agreeing(own[name], told[name], f"{name}/")
        else:
            yield at + name, own[name] == told[name]
