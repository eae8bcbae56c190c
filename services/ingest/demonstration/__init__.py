"""Demonstration vacancies on both sides of five borders, delivered like any source's, dated relative to the day.

The Swedish ones come in the format of JobTech, the others in that of EURES. Each says that it is a demonstration.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Any

import orjson
import yaml
from lxml import etree
from lxml.builder import ElementMaker

from pendler.service import Result
from pendler.store import Doc, Store
from schemas.event import RecordReceived
from services.ingest.delivery import received
from services.ingest.feed import Item
from services.ingest.state import MARKS, TRANSFERS, VACANCIES

MARK = "demonstration"
RENEWED_AFTER = timedelta(days=5)
HR = ElementMaker(namespace="http://www.hr-xml.org/3", nsmap={None: "http://www.hr-xml.org/3"})
ISCO = {"listName": "ISCO2008", "listVersionID": "2008"}
Advertisement = dict[str, Any]


async def fill(store: Store, clock: Callable[[], datetime]) -> Result:
    """Delivers the demonstration to an empty exchange, and again, with new dates, when it has aged."""
    now = clock()
    mark = (await store.get(MARKS, [MARK])).get(MARK)
    if not (_aged(mark, now) if mark else not await store.find(VACANCIES, limit=1)):
        return Result()
    deliveries = list(_deliveries(now))
    await store.insert(TRANSFERS, {records[0].transfer: _transfer(records, sealed=False) for records in deliveries})

    async def remember() -> None:
        await store.put(TRANSFERS, {records[0].transfer: _transfer(records, sealed=True) for records in deliveries})
        await store.put(MARKS, {MARK: {"filled_at": now.timestamp()}})

    return Result([record for records in deliveries for record in records], remember)


def _aged(mark: Doc, now: datetime) -> bool:
    filled = mark["filled_at"]
    return filled is not None and now.timestamp() - filled > RENEWED_AFTER.total_seconds()


def _deliveries(now: datetime) -> Iterator[list[RecordReceived]]:
    """Each source first delivers what it had, then what is new today."""
    ordered = sorted(advertisements(), key=lambda ad: (ad["source"], ad["published"] == 0))
    for (source, new), ads in groupby(ordered, key=lambda ad: (ad["source"], ad["published"] == 0)):
        items = [item_of(ad, now) for ad in ads]
        transfer = f"{source}-{'new' if new else 'first'}-{now:%Y%m%dT%H%M%SZ}"
        of: Doc = {"source": source, "feed": feed_of(source)}
        yield [received(item, n, transfer, of, now, first=not new) for n, item in enumerate(items, 1)]


def _transfer(records: Sequence[RecordReceived], sealed: bool) -> Doc:
    one = records[0]
    return {
        "source": one.source,
        "feed": one.feed,
        "count": len(records),
        "sealed": sealed,
        "received_at": one.received_at.isoformat(),
    }


def advertisements() -> Iterator[Advertisement]:
    """The demonstration as it is written in this folder."""
    for file in sorted(files(__name__).iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yaml"):
            yield from yaml.load(file.read_text("utf-8"), yaml.CSafeLoader)


@cache
def sources() -> frozenset[str]:
    """The sources of the demonstration."""
    return frozenset(ad["source"] for ad in advertisements())


def feed_of(source: str) -> str:
    return "se_jobtech" if source == "demo-se" else "eures_hrxml"


def item_of(ad: Advertisement, now: datetime) -> Item:
    """One advertisement in the format of its source, as of the day."""
    body = _jobtech(ad, now) if feed_of(ad["source"]) == "se_jobtech" else _hrxml(ad, now)
    return Item(ad["id"], body)


def _day(now: datetime, days: int) -> str:
    return f"{now + timedelta(days=days):%Y-%m-%d}"


def _hrxml(ad: Advertisement, now: datetime) -> str:
    """HR-XML 3.2 as EURES takes it."""
    link = f"https://example.org/{ad['id']}"
    profile = HR.PositionProfile(
        HR.PostingInstruction(HR.ApplicationMethod(HR.Instructions(link))),
        HR.PositionTitle(ad["title"]),
        HR.PositionLocation(
            HR.Address(HR.CityName(ad["city"]), HR.CountryCode(ad["country"]), HR.PostalCode(ad["postcode"]))
        ),
        HR.PositionOrganization(HR.OrganizationIdentifiers(HR.OrganizationName(ad["employer"]))),
        HR.PositionOpenQuantity(str(ad["positions"])),
        *([HR.JobCategoryCode(ad["isco"], ISCO)] if ad["isco"] else []),
        HR.PositionOfferingTypeCode(ad["offering"]),
        HR.PositionQualifications(*_qualifications(ad)),
        *_package(ad["pay"]),
        HR.PositionFormattedDescription(
            HR.Content("".join(f"<p>{part.strip()}</p>" for part in ad["text"].split("\n\n")))
        ),
        HR.PositionScheduleTypeCode(ad["schedule"]),
        *([HR.ApplicationCloseDate(_day(now, ad["apply_by"]))] if ad["apply_by"] else []),
        HR.UserArea(
            HR.Demonstration("true"),
            *([HR.RemoteWorkIndicator(str(ad["remote"]).lower())] if ad["remote"] is not None else []),
        ),
        languageCode=ad["language"],
    )
    opening = HR.PositionOpening(
        HR.DocumentID(ad["id"], schemeVersionID="1.3"),
        HR.PositionOpeningStatusCode("Active", name="Active"),
        profile,
        validFrom=_day(now, -ad["published"]),
        majorVersionID="3",
        minorVersionID="2",
    )
    return etree.tostring(opening, encoding="unicode")


def _qualifications(ad: Advertisement) -> list[Any]:
    competencies = [
        HR.PositionCompetency(
            HR.CompetencyID(one["language"]),
            HR.TaxonomyID("language"),
            *([HR.RequiredProficiencyLevel(HR.ScoreText(one["level"]))] if one["level"] else []),
        )
        for one in ad["languages"]
    ]
    education = (
        [HR.EducationRequirement(HR.EducationLevelCode(ad["education"], listName="EURES_ISCEDEducationLevel"))]
        if ad["education"]
        else []
    )
    return [*competencies, *education, *(HR.LicenseTypeCode(licence) for licence in ad["licences"])]


def _package(pay: dict[str, Any] | None) -> list[Any]:
    if not pay:
        return []
    amounts = [
        HR.MinimumAmount(str(pay["minimum"]), currencyID=pay["currency"]),
        HR.MaximumAmount(str(pay["maximum"]), currencyID=pay["currency"]),
    ]
    return [HR.OfferedRemunerationPackage(HR.RemunerationRange(*amounts, HR.RemunerationIntervalCode(pay["interval"])))]


def _jobtech(ad: Advertisement, now: datetime) -> str:
    """One ad as JobSearch gives it."""
    hours = {"FullTime": ("Heltid", "1"), "PartTime": ("Deltid", "2"), "FlexTime": ("Flexibel", "3")}[ad["schedule"]]
    pay = ad["pay"]
    return orjson.dumps(
        {
            "id": ad["id"],
            "headline": ad["title"],
            "webpage_url": f"https://example.org/{ad['id']}",
            "application_details": {"url": f"https://example.org/{ad['id']}"},
            "number_of_vacancies": ad["positions"],
            "description": {"text": ad["text"]},
            "employer": {"name": ad["employer"]},
            "working_hours_type": {"label": hours[0], "legacy_ams_taxonomy_id": hours[1]},
            "salary_description": f"{pay['minimum']}-{pay['maximum']} {pay['currency']}" if pay else None,
            "workplace_address": {
                "city": ad["city"],
                "postcode": ad["postcode"],
                "country_code": "199",
                "country": "Sverige",
            },
            "must_have": {"languages": [{"label": SWEDISH[one["language"]]} for one in ad["languages"]]},
            "driving_license": [{"label": licence} for licence in ad["licences"]],
            "publication_date": f"{now - timedelta(days=ad['published'], hours=1):%Y-%m-%dT%H:%M:%S}",
            "last_publication_date": f"{_day(now, ad['apply_by'] or 30)}T23:59:59",
            "removed": False,
            "demonstration": True,
        }
    ).decode()


SWEDISH = {
    "sv": "Svenska",
    "da": "Danska",
    "en": "Engelska",
    "de": "Tyska",
    "nl": "Nederländska",
    "fr": "Franska",
    "nb": "Norska",
}
