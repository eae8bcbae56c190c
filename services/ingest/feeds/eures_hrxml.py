"""EURES: HR-XML 3.2 PositionOpening, as European employment services send their vacancies to one another."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from schemas import vacancy as v
from services.ingest.feed import Feed, Flaw, Item, Reading
from services.ingest.fields import codes, dates, hrxml
from services.ingest.fields.cut import xml_cut
from services.ingest.fields.hrxml import ORGANISATION, PROFILE, QUALIFICATIONS
from services.ingest.fields.html import plain, sanitise
from services.ingest.fields.nace import nace
from services.ingest.fields.record import Node, Notes
from services.ingest.fields.strict import external_id, xml_document

CLOSING = dict.fromkeys(("closed", "filled", "cancelled", "inactive", "deleted"), v.Status.CLOSED) | {
    "expired": v.Status.EXPIRED,
    "withdrawn": v.Status.WITHDRAWN,
}


def split(raw: bytes) -> Iterator[Item]:
    """One PositionOpening, or several in whatever stands around them."""
    return xml_cut(raw, ("PositionOpening",), _identifier)


def normalise(body: str, now: datetime) -> Reading:
    """One PositionOpening: its texts from each profile, its facts from the first profile that states them."""
    opening = Node(xml_document(body.encode()), Notes())
    identifier = external_id(_identifier(opening), "/DocumentID")
    status, because = _status(opening)
    locations = hrxml.locations(opening)
    zone = dates.ZONES.get(next((place.country for place in locations if place.country), ""), "UTC")
    published = opening.attribute("validFrom", partial(dates.instant, zone=zone))
    start, start_text = hrxml.start(opening)
    vacancy = v.Vacancy(
        origin=v.Origin(external_id=identifier),
        profiles=_profiles(opening, status),
        employer=hrxml.employer(opening),
        locations=locations,
        offering=opening.read(f"{PROFILE}/PositionOfferingTypeCode", codes.one_of(v.Offering)),
        schedule=opening.read(f"{PROFILE}/PositionScheduleTypeCode", codes.one_of(v.Schedule)),
        positions=opening.read(f"{PROFILE}/PositionOpenQuantity", codes.posts),
        start=start,
        start_text=start_text,
        immediate=opening.read(f"{PROFILE}/ImmediateStartIndicator", codes.truth),
        apply_by=opening.read(f"{PROFILE}/ApplicationCloseDate", partial(dates.deadline, zone=zone)),
        published=opening.notes.keep(dates.not_after(published, now, "/@validFrom")),
        expires=opening.attribute("validTo", partial(dates.deadline, zone=zone)),
        pay=hrxml.pay(opening),
        education=hrxml.education(opening),
        experience=hrxml.experience(opening),
        licences=opening.reads(f"{QUALIFICATIONS}//LicenseTypeCode", codes.licence),
        languages=hrxml.languages(opening),
        working_languages=opening.reads(f"{PROFILE}/WorkingLanguageCode", codes.language),
        nace=opening.reads(f"{ORGANISATION}/IndustryCode", nace),
        remote=opening.read(".//RemoteWorkIndicator", codes.truth),
        eures_flag=hrxml.eures_flag(opening),
        apply=hrxml.apply(opening),
        contacts=hrxml.contacts(opening),
        occupations=hrxml.occupations(opening),
        demonstration=opening.read(".//UserArea/Demonstration", codes.truth) or False,
        extra=hrxml.remainder(opening),
    )
    return Reading(vacancy, status, because, tuple(opening.notes.reasons))


def _identifier(opening: Node) -> str | None:
    return next((node.written for node in opening.each("DocumentID") if node.written), None)


def _status(opening: Node) -> tuple[v.Status, str | None]:
    """A status nobody knows is refused: taking it for active could reopen what is over."""
    for node in opening.each("PositionOpeningStatusCode"):
        for word in filter(None, (node.written, node.element.get("name"))):
            if status := CLOSING.get(word.strip().casefold()):
                return status, f"status {word.strip()}"
            if word.strip().casefold() != "active":
                raise Flaw("status-unknown", node.at, word, "Active or Closed")
    return v.Status.ACTIVE, None


def _profiles(opening: Node, status: v.Status) -> tuple[v.Profile, ...]:
    found: dict[str | None, v.Profile] = {}
    for node in opening.each(PROFILE):
        language = node.attribute("languageCode", codes.language)
        title = plain(node.text("PositionTitle"))
        if title and language not in found:
            html, text = sanitise(node.markup("PositionFormattedDescription/Content"))
            found[language] = v.Profile(language=language, title=title, html=html, text=text)
        else:
            rule = "language-repeated" if title else "title-missing"
            opening.notes.warn(rule, node.at, language, "this profile was left out")
    if found:
        return tuple(found.values())
    if status is v.Status.ACTIVE:
        raise Flaw("title-missing", f"/{PROFILE}/PositionTitle", hint="at least one profile needs a title")
    # A closing message may be nothing but an id and a status.
    return (v.Profile(title="(closed)"),)


FEED = Feed(
    name="eures_hrxml",
    title="EURES (HR-XML 3.2 PositionOpening)",
    country=None,
    media_types=("application/xml", "text/xml"),
    split=split,
    normalise=normalise,
    documentation=(
        "One PositionOpening of HR-XML 3.2 as EURES members send it (profile 1.3), or any number of them inside "
        "an element of any name. DocumentID is the identifier; the status code says whether the vacancy is open. "
        "Elements are known by local name, may come in any order and may repeat; codes may come in any case."
    ),
)
