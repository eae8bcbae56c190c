"""The pieces of a JobPosting of schema.org, each of which may be a text, an object or a list of either."""

import re
from collections.abc import Mapping

from schemas import vacancy as v
from services.ingest.feed import Flaw
from services.ingest.fields import codes, employment, strict
from services.ingest.fields import pay as money
from services.ingest.fields.esco import coded
from services.ingest.fields.html import plain, sanitise
from services.ingest.fields.record import Record
from services.ingest.fields.strict_json import Members

MOST_PLACES = 100
DEEPEST = 5
WITHIN = ("@graph", "itemListElement", "item", "mainEntity")
_ONET = re.compile(r"\d\d-\d{4}\.\d\d")


def postings(document: object, depth: int = 0, *, strictly: bool = True) -> list[object]:
    """The JobPostings in whatever JSON-LD stands around them; other things are passed over.

    Raises:
        Flaw: nothing at all was found and it is `strictly` asked for.
    """
    found = _within(document, depth)
    if not found and strictly:
        raise Flaw("no-records", "", type(document).__name__, "a JobPosting, a list or an @graph of them")
    return found


def _within(document: object, depth: int) -> list[object]:
    if depth > DEEPEST:
        return []
    if isinstance(document, list):
        return [posting for one in document for posting in _within(one, depth + 1)]
    if not isinstance(document, Members):
        return []
    kinds = document.get("@type")
    if "JobPosting" in (kinds if isinstance(kinds, list) else [kinds]):
        return [document]
    return [posting for name in WITHIN if name in document for posting in _within(document[name], depth + 1)]


def identifier(posting: Mapping[str, object]) -> object:
    """Its number, be it a text or a PropertyValue; else its address."""
    found = _one(posting.get("identifier"))
    value = found.get("value") or found.get("@value") if isinstance(found, dict) else found
    return value or posting.get("@id") or posting.get("url")


def _one(value: object) -> object:
    return next(iter(value), None) if isinstance(value, list) else value


def part(posting: Record, pointer: str) -> Record:
    """What stands there as an object: of a list the first, of a text one with that name."""
    found = _one(posting.value(pointer))
    members = found if isinstance(found, dict) else {"name": found} if isinstance(found, str) else {}
    return Record(members, posting.notes, posting.at + pointer)


def parts(posting: Record, pointer: str) -> list[Record]:
    """All that stands there, as objects."""
    found = posting.value(pointer)
    listed = found if isinstance(found, list) else [found]
    return [part(Record({"one": one}, posting.notes, posting.at + pointer), "/one") for one in listed if one]


def employer(posting: Record) -> v.Employer:
    """Who offers the post."""
    found = part(posting, "/hiringOrganization")
    return v.Employer(
        name=plain(found.text("/name")),
        legal_id=found.first("/taxID", "/vatID", "/leiCode"),
        website=found.read("/sameAs" if isinstance(found.value("/sameAs"), str) else "/url", strict.web_address),
        description=sanitise(found.text("/description", 100_000) or "")[1] or None,
    )


def locations(posting: Record, language: str | None) -> tuple[v.Location, ...]:
    """The places of work; for work from anywhere, the countries people may do it from."""
    found = [_location(place, language) for place in parts(posting, "/jobLocation")]
    if not any(place.country for place in found):
        allowed = (_country(one, language) for one in parts(posting, "/applicantLocationRequirements"))
        found += [v.Location(country=country) for country in allowed if country]
    return tuple(dict.fromkeys(place for place in found if place != v.Location()))[:MOST_PLACES]


def _location(place: Record, language: str | None) -> v.Location:
    address, point = part(place, "/address"), part(place, "/geo")
    lat, lon = codes.coordinates(place.notes, point.at, point.text("/latitude"), point.text("/longitude"))
    return v.Location(
        country=_country(part(address, "/addressCountry"), language),
        postcode=address.text("/postalCode", 20),
        city=address.text("/addressLocality", 200),
        address=address.first("/streetAddress", "/name", "/addressRegion") or place.text("/name"),
        lat=lat,
        lon=lon,
    )


def _country(one: Record, language: str | None) -> str | None:
    """Two letters, or a name in English or the language of the posting."""
    name = one.text("/name") or ""
    return codes.country_spelt(name, "")[0] or (codes.country_named(name, language) if language else None)


def pay(posting: Record) -> v.Pay | None:
    """`baseSalary`: an amount with its unit in `value`; a bare number has its currency beside it."""
    stated_as = _one(posting.value("/baseSalary"))
    if not isinstance(stated_as, dict):
        text = posting.text("/baseSalary") if not isinstance(stated_as, list) else None
        currency = posting.read("/salaryCurrency", codes.currency)
        return money.stated(*(money.amounts(text or "") if currency else (None, None)), currency, None, text)
    salary = Record(stated_as, posting.notes, "/baseSalary")
    value = salary if not isinstance(salary.value("/value"), dict) else part(salary, "/value")
    low = value.text("/minValue") or value.text("/value")
    least, most = money.between(posting.notes, value.at, (low, value.text("/maxValue")))
    currency = salary.read("/currency", codes.currency) or posting.read("/salaryCurrency", codes.currency)
    unit = employment.interval(value.text("/unitText") or salary.text("/unitText"))
    return money.stated(least, most, currency, unit)


def experience(posting: Record) -> v.Experience | None:
    """Months, or words."""
    found = part(posting, "/experienceRequirements")
    months = found.read("/monthsOfExperience", codes.amount)
    result = v.Experience(
        years=round(months / 12, 2) if months is not None and months <= 720 else None,
        description=found.first("/name", "/description"),
    )
    return None if result == v.Experience() else result


def apply(posting: Record) -> v.Apply:
    """The page of the posting, and whom to write to."""
    contact = part(posting, "/applicationContact")
    return v.Apply(url=posting.read("/url", strict.web_address), email=contact.read("/email", strict.mailbox))


def occupations(posting: Record) -> tuple[v.OccupationCode, ...]:
    """Codes of O*NET, as search engines ask for them, and URIs of ESCO."""
    found: list[v.OccupationCode | None] = []
    for written in posting.texts("/occupationalCategory", 200):
        code = _ONET.search(written)
        label = written.replace(code[0], "").strip(" -:") if code else ""
        found.append(v.OccupationCode(scheme="O*NET", code=code[0], label=label or None) if code else coded(written))
    return tuple(dict.fromkeys(code for code in found if code))


def remainder(posting: Record) -> dict[str, object]:
    """What is stated and has no field."""
    names = ("industry", "occupationalCategory", "skills", "qualifications", "responsibilities", "jobBenefits")
    kept = {
        name: posting.texts(f"/{name}", 5000) for name in names if isinstance(posting.value(f"/{name}"), str | list)
    }
    education = part(posting, "/educationRequirements").first("/credentialCategory", "/name")
    return {name: texts for name, texts in kept.items() if texts} | ({"education": education} if education else {})
