"""The EURES XML that a vacancy would become (HR-XML 3.2, profile 1.3), and what EURES would refuse or drop. Pure.

The rules are those that EURES does not tell a sender of: it drops what breaks them, or the whole vacancy.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from lxml import etree
from lxml.builder import E, ElementMaker

from schemas.event import Reason, Severity, VacancyMatched
from schemas.vacancy import Contact, Location, OccupationCode, Place, Vacancy
from services.ingest.fields.strict import Element

SPACE = "http://www.hr-xml.org/3"
HR = ElementMaker(namespace=SPACE, nsmap={None: SPACE})
MEMBERS = frozenset(
    "AT BE BG CH CY CZ DE DK EE EL ES FI FR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK".split()  # noqa: SIM905
)
ISCO, ESCO = (
    {"listName": "ISCO2008", "listVersionID": "2008"},
    {"listName": "ESCO_Occupations", "listVersionID": "ESCOv1"},
)
"""EURES refuses `ESCO` with any other version, and a code without its list."""


def written(event: VacancyMatched) -> str:
    """The vacancy as one PositionOpening; what EURES would refuse the whole for is left out of it."""
    vacancy = event.vacancy
    assert vacancy
    first, *others = vacancy.profiles
    opening = HR.PositionOpening(
        HR.DocumentID(vacancy.origin.external_id, schemeVersionID="1.3", schemeAgencyID=event.source),
        HR.PositionOpeningStatusCode("Active", name="Active"),
        HR.PositionProfile(*_advertised(first.title, first.html), *_facts(event, vacancy), **_in(first.language)),
        *(HR.PositionProfile(*_advertised(one.title, one.html), **_in(one.language)) for one in others),
        majorVersionID="3",
        minorVersionID="2",
        **_dated(validFrom=vacancy.published, validTo=vacancy.expires),
    )
    return etree.tostring(opening, encoding="unicode", pretty_print=True)


def told(event: VacancyMatched) -> list[Reason]:
    """What EURES would refuse the vacancy for (errors), and what would be left out of it (warnings)."""
    return list(_told(event, event.vacancy)) if event.vacancy else []


def _told(event: VacancyMatched, vacancy: Vacancy) -> Iterator[Reason]:
    if not any(place.country in MEMBERS for place in vacancy.locations):
        yield _reason("eures-no-place", "/locations", "at least one place of work in a country of EURES")
    if not list(_codes(event, vacancy)):
        yield _reason("eures-no-occupation", "/occupations", "a code of ISCO-08 or ESCO")
    if "EURES" in vacancy.origin.hops:
        yield _reason("eures-loop", "/origin", "it came from EURES, and does not go back")
    if vacancy.profiles[0].language is None:
        yield _reason("eures-no-language", "/profiles/0/language", "EURES would take it for English", Severity.WARNING)
    if any(skill.level is None for skill in vacancy.languages):
        yield _reason("eures-no-level", "/languages", "a language without a level is left out", Severity.WARNING)
    if len(_places(event, vacancy)) < len(vacancy.locations):
        hint = "a country alone beside a place in it, and a place given twice, are left out"
        yield _reason("eures-place-left-out", "/locations", hint, Severity.WARNING)


def _reason(rule: str, at: str, hint: str, severity: Severity = Severity.ERROR) -> Reason:
    return Reason(rule=rule, at=at, hint=hint, severity=severity)


def _advertised(title: str, html: str) -> list[Element]:
    return [HR.PositionTitle(title), HR.PositionFormattedDescription(HR.Content(html))]


def _in(language: str | None) -> dict[str, str]:
    return {"languageCode": language} if language else {}


def _dated(**moments: datetime | None) -> dict[str, str]:
    return {name: f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for name, at in moments.items() if at}


def _facts(event: VacancyMatched, vacancy: Vacancy) -> Iterator[Element]:
    """What is stated of it, in the order of HR-XML."""
    yield from (HR.PositionLocation(_address(at, place)) for at, place in _places(event, vacancy))
    yield _organisation(vacancy)
    yield from _texts(PositionOpenQuantity=vacancy.positions)
    yield from _codes(event, vacancy)
    yield from _texts(PositionOfferingTypeCode=vacancy.offering, PositionScheduleTypeCode=vacancy.schedule)
    yield HR.PositionQualifications(*_qualifications(vacancy))
    yield from (HR.WorkingLanguageCode(one) for one in vacancy.working_languages)
    yield from _start(vacancy)
    yield from _texts(ImmediateStartIndicator=_truth(vacancy.immediate))
    yield from (HR.ApplicationCloseDate(at) for at in _dated(by=vacancy.apply_by).values())
    yield from _pay(vacancy)
    yield HR.PostingInstruction(*_posting(vacancy))
    if vacancy.remote is not None:
        yield HR.UserArea(HR.RemoteWorkIndicator(str(vacancy.remote).lower()))


def _texts(**named: object) -> Iterator[Element]:
    """An element for each that is stated."""
    for name, value in named.items():
        if value is not None and value != "":
            yield HR(name, str(value))


def _truth(value: bool | None) -> str | None:
    return None if value is None else str(value).lower()


def _places(event: VacancyMatched, vacancy: Vacancy) -> list[tuple[Location, Place | None]]:
    """Each place once, with what was found of it; a country alone only where no place in it is named."""
    found: Sequence[Place | None] = event.derived.places
    if len(found) != len(vacancy.locations):
        found = [None] * len(vacancy.locations)
    pairs = {at: place for at, place in zip(vacancy.locations, found, strict=True) if at.country}
    named = {at.country for at in pairs if at.city or at.postcode or at.nuts}
    return [(at, place) for at, place in pairs.items() if at.city or at.postcode or at.nuts or at.country not in named]


def _address(at: Location, place: Place | None) -> Any:
    nuts = at.nuts or (place.nuts if place else None)
    return HR.Address(
        *_texts(AddressLine=at.address, CityName=at.city, CountrySubDivisionCode=nuts, CountryCode=at.country,
                PostalCode=at.postcode)
    )  # fmt: skip


def _organisation(vacancy: Vacancy) -> Any:
    who = vacancy.employer
    identifiers = HR.OrganizationIdentifiers(*_texts(OrganizationName=who.name, OrganizationLegalID=who.legal_id))
    industries = (HR.IndustryCode(one) for one in vacancy.nace)
    return HR.PositionOrganization(identifiers, *industries, *_texts(Description=who.description))


def _codes(event: VacancyMatched, vacancy: Vacancy) -> Iterator[Element]:
    """The source's own codes; where it gives none that EURES knows, what its occupation was found to be."""
    own = [code for code in vacancy.occupations if code.scheme in ("ISCO-08", "ESCO")]
    best = event.derived.occupations[:1] if not own else ()
    for code in (*own, *(OccupationCode(scheme="ISCO-08", code=one.isco) for one in best)):
        yield HR.JobCategoryCode(code.code, **(ISCO if code.scheme == "ISCO-08" else ESCO))
    for one in best:
        if "/esco/occupation/" in one.uri:
            yield HR.JobCategoryCode(one.uri, **ESCO)


def _qualifications(vacancy: Vacancy) -> Iterator[Element]:
    for skill in vacancy.languages:
        if skill.level:
            level = HR.RequiredProficiencyLevel if skill.required else HR.DesiredProficiencyLevel
            named = (HR.CompetencyID(skill.language), HR.TaxonomyID("language"))
            yield HR.PositionCompetency(*named, level(HR.ScoreText(skill.level)))
    for one in vacancy.education:
        listed = "EURES_ISCEDEducationLevel" if one.startswith("ISCED") else "EURES_EQFLevel"
        yield HR.EducationRequirement(HR.EducationLevelCode(one[-1], listName=listed))
    if (asked := vacancy.experience) and (asked.years is not None or asked.description):
        years = [HR.Measure(f"{asked.years:g}", unitCode="year")] if asked.years is not None else []
        yield HR.ExperienceSummary(HR.ExperienceCategory(*years, *_texts(Description=asked.description)))
    yield from (HR.LicenseTypeCode(one) for one in vacancy.licences)


def _start(vacancy: Vacancy) -> Iterator[Element]:
    if vacancy.start or vacancy.start_text:
        yield HR.PositionPeriod(HR.StartDate(*_texts(FormattedDateTime=vacancy.start, DateText=vacancy.start_text)))


def _pay(vacancy: Vacancy) -> Iterator[Element]:
    if (pay := vacancy.pay) is None:
        return
    unit = {"currencyID": pay.currency} if pay.currency else {}
    amounts = (("MinimumAmount", pay.minimum), ("MaximumAmount", pay.maximum))
    figures = [HR(name, f"{value:.2f}", **unit) for name, value in amounts if value is not None]
    if figures:
        stated = _texts(RemunerationIntervalCode=pay.interval, Description=pay.source_text)
        kind = HR.RemunerationTypeCode("BasePay")
        yield HR.OfferedRemunerationPackage(HR.RemunerationRange(kind, *figures, *stated))
    elif pay.source_text:
        yield HR.OfferedRemunerationPackage(HR.Description(pay.source_text))


def _posting(vacancy: Vacancy) -> Iterator[Element]:
    if vacancy.eures_flag:
        yield HR.PostingOptionCode("EURESFlag")
    yield HR.ApplicationMethod(*_instructions(vacancy), *map(_person, vacancy.contacts))


def _instructions(vacancy: Vacancy) -> Iterator[Element]:
    """As HTML in a text, with a link where the words have none."""
    how = vacancy.apply
    parts = [E.p(how.instructions)] if how.instructions else []
    if how.url and how.url not in (how.instructions or ""):
        parts.append(E.p(E.a(how.url, href=how.url)))
    if how.email and how.email not in (how.instructions or ""):
        parts.append(E.p(how.email))
    if parts:
        yield HR.Instructions("".join(etree.tostring(part, encoding="unicode") for part in parts))


def _person(one: Contact) -> Any:
    """EURES drops a channel that is empty."""
    channels = [HR.Communication(HR.ChannelCode("Email"), HR.URI(one.email))] if one.email else []
    channels += [HR.Communication(HR.ChannelCode("Telephone"), HR.DialNumber(one.phone))] if one.phone else []
    return HR.PersonContact(*([HR.PersonName(HR.FormattedName(one.name))] if one.name else []), *channels)
