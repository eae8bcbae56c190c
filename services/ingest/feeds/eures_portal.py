"""EURES: vacancies as the search of the European portal shows them, at present and before 2020."""

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from schemas import vacancy as v
from services.ingest.feed import Feed, Flaw, Item, Reading
from services.ingest.feeds import eures_hrxml
from services.ingest.fields import codes, dates, strict, strict_json
from services.ingest.fields.cut import json_cut
from services.ingest.fields.esco import coded
from services.ingest.fields.eures_legacy import as_present, is_legacy
from services.ingest.fields.html import plain, sanitise
from services.ingest.fields.nace import nace
from services.ingest.fields.pay import between, stated
from services.ingest.fields.record import Notes, Record

PAGE = "https://europa.eu/eures/portal/jv-se/jv-details/"
MARKS = ("translations", "locationMap", "jobVacancyHeader", "jobVacancy")
MOST_PLACES = 100


def split(raw: bytes) -> Iterator[Item]:
    """An answer of either search, or of the older one's detail, which holds HR-XML in its JSON."""
    for item in json_cut(raw, ("jvs", "data", "items"), MARKS, _identifier):
        inside = not item.flaw and item.body.startswith('{"jobVacancy"')
        opening = Record(strict_json.json_record(item.body), Notes()).value("/jobVacancy/hrxml") if inside else None
        if isinstance(opening, str):
            yield from _opening(item, opening)
        else:
            yield item


def _opening(item: Item, opening: str) -> Iterator[Item]:
    try:
        for inner in eures_hrxml.split(opening.encode()):
            yield replace(inner, at=item.at)
    except Flaw as flaw:
        yield replace(item, flaw=flaw.reason)


def _identifier(found: Mapping[str, object]) -> object:
    for name, pointer in (("jobVacancyHeader", "/jobVacancyHandle"), ("jobVacancy", "/header/handle")):
        if isinstance(inner := found.get(name), dict):
            return Record(inner, Notes()).value(pointer)
    return found.get("id")


def normalise(body: str, now: datetime) -> Reading:
    """One vacancy. It has no end; what is over is absent from the next pull."""
    if body.startswith("<"):
        return eures_hrxml.normalise(body, now)
    members = strict_json.json_record(body)
    found = Record(as_present(members) if is_legacy(members) else members, Notes())
    identifier = strict.external_id(found.value("/id"), "/id")
    published = found.read("/creationDate", dates.instant)
    updated = found.read("/lastModificationDate", dates.instant)
    experience = found.flag("/experience")
    vacancy = v.Vacancy(
        origin=v.Origin(external_id=identifier, url=None if is_legacy(members) else _page(identifier)),
        profiles=_profiles(found),
        employer=_employer(found),
        locations=_locations(found),
        offering=found.read("/positionOfferingCode", codes.one_of(v.Offering)),
        schedule=_schedule(found),
        positions=found.read("/numberOfPosts", codes.posts),
        start=found.read("/startDate", dates.day),
        apply_by=found.read("/applyBy", dates.deadline),
        published=found.notes.keep(dates.not_after(published, now, "/creationDate")),
        updated=found.notes.keep(dates.not_after(updated, now, "/lastModificationDate")),
        pay=_pay(found),
        experience=None if experience is None else v.Experience(required=experience),
        nace=found.reads("/employer/sectorCodes", nace),
        eures_flag=found.flag("/euresFlag"),
        occupations=_occupations(found),
        demonstration=found.flag("/demonstration") or False,
        extra=_remainder(found, identifier),
    )
    return Reading(vacancy, warnings=tuple(found.notes.reasons))


def _page(identifier: str) -> str | None:
    return strict.web_address(PAGE + identifier, "/id")[0]


def _profiles(found: Record) -> tuple[v.Profile, ...]:
    """What the employer wrote, by language; an older vacancy does not say in which it is."""
    translations = found.value("/translations")
    languages = list(translations) if isinstance(translations, dict) else []
    profiles: dict[str | None, v.Profile] = {}
    for name in languages:
        language = found.notes.keep(codes.language(name, f"/translations/{name[:60]}"))
        one = Record({"texts": translations[name]}, found.notes)  # type: ignore[index]
        if profile := _profile(one, "/texts", language):
            profiles.setdefault(language, profile)
    if not profiles and (alone := _profile(found, "", None)):
        profiles[None] = alone
    if not profiles:
        raise Flaw("title-missing", "/title", hint="a vacancy needs a title")
    return tuple(profiles.values())[:30]


def _profile(found: Record, at: str, language: str | None) -> v.Profile | None:
    title = plain(found.text(f"{at}/title"))
    html, text = sanitise(found.text(f"{at}/description", 100_000) or "")
    return v.Profile(language=language, title=title, html=html, text=text) if title else None


def _employer(found: Record) -> v.Employer:
    return v.Employer(
        name=plain(found.text("/employer/name")),
        legal_id=found.text("/employer/legalID"),
        website=found.read("/employer/website", strict.web_address),
        description=sanitise(found.text("/employer/description", 100_000) or "")[1] or None,
    )


def _locations(found: Record) -> tuple[v.Location, ...]:
    """Regions of any level; a country alone counts where it has none beside it."""
    stated_in = found.value("/locationMap")
    places = [
        v.Location(country=country, nuts=region)
        for name, regions in (stated_in.items() if isinstance(stated_in, dict) else ())
        if (country := found.notes.keep(codes.country(name, f"/locationMap/{name[:60]}")))
        for region in _regions(found, name, regions)
    ]
    return tuple(dict.fromkeys(places))[:MOST_PLACES]


def _regions(found: Record, country: str, regions: object) -> list[str | None]:
    written = [one for one in regions if isinstance(one, str)] if isinstance(regions, list) else []
    read = (found.notes.keep(codes.nuts(one, f"/locationMap/{country[:60]}")) for one in written)
    return [region for region in read if region and len(region) > len(country)] or [None]


def _schedule(found: Record) -> v.Schedule | None:
    schedules = set(found.reads("/positionScheduleCodes", codes.one_of(v.Schedule)))
    return v.Schedule.ANY if len(schedules) > 1 else next(iter(schedules), None)


def _pay(found: Record) -> v.Pay | None:
    low, high = between(found.notes, "/pay", (found.text("/pay/low"), found.text("/pay/high")))
    interval = found.read("/pay/interval", codes.one_of(v.Interval))
    return stated(low, high, found.read("/pay/currency", codes.currency), interval)


def _occupations(found: Record) -> tuple[v.OccupationCode, ...]:
    listed = (coded(written) for written in found.texts("/jobCategoriesCodes", 200))
    return tuple(dict.fromkeys(code for code in listed if code))


def _remainder(found: Record, identifier: str) -> dict[str, object]:
    """An id of the present search holds the number of the national service and that of the service itself."""
    kept = found.stated(national_reference="/national/reference", data_source="/national/source")
    try:
        decoded = urlsafe_b64decode(identifier + "=" * (-len(identifier) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        return kept
    reference, space, source = strict.clean(decoded, 300).rpartition(" ")
    return {"national_reference": reference, "data_source": source} if space and source.isdecimal() else kept


FEED = Feed(
    name="eures_portal",
    title="EURES portal (search)",
    country=None,
    media_types=("application/json",),
    split=split,
    normalise=normalise,
    documentation=(
        "Vacancies as the portal's search shows them (jvs), and as it did before 2020 (data, items), whose details "
        "hold HR-XML. The id is the identifier; decoded, it holds the national number and the number of the national "
        "service. Regions are NUTS codes of any level. A vacancy has no end; it is open until a snapshot lacks it."
    ),
)
