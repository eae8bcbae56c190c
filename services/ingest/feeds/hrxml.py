"""HR-XML before EURES' profile: PositionOpening 2.x, SIDES StaffingOrder (SETU), JobPositionPosting; and 3.x."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from schemas import vacancy as v
from services.ingest.feed import Feed, Flaw, Item, Reading
from services.ingest.feeds import eures_hrxml
from services.ingest.fields import codes, dates, hrxml_older, strict
from services.ingest.fields.channels import link_in, mail_in
from services.ingest.fields.cut import xml_cut
from services.ingest.fields.html import plain, sanitise
from services.ingest.fields.record import Node, Notes


@dataclass(frozen=True)
class Dialect:
    """Where a kind of document keeps what; of several paths the first that has a text counts."""

    identifier: tuple[str, ...]
    status: str
    title: tuple[str, ...]
    texts: tuple[str, ...]
    employer: tuple[str, ...]
    legal_id: str
    places: str
    published: str
    expires: str
    start: str
    positions: str
    apply: str
    person: tuple[str, ...]


PROFILE = "PositionProfile"
POSITION = "StaffingPosition"
ABOUT = "JobPositionInformation"
DIALECTS = {
    "PositionOpening": Dialect(
        identifier=("PositionRecordInfo/Id/IdValue", "PositionPostings/PositionPosting/Id/IdValue"),
        status="PositionRecordInfo/Status",
        title=(f"{PROFILE}/PositionDetail/PositionTitle", f"{PROFILE}/ProfileName", "PositionPostings//Title"),
        texts=(f"{PROFILE}/FormattedPositionDescription/Value",),
        employer=(
            f"{PROFILE}/PositionDetail/Company/Name",
            f"{PROFILE}/Organization/OrganizationName",
            "PositionSupplier/EntityName",
        ),
        legal_id=f"{PROFILE}/Organization/OrganizationId/IdValue",
        places=f"{PROFILE}/PositionDetail/PhysicalLocation",
        published="PositionPostings/PositionPosting/Id/@validFrom",
        expires="PositionPostings/PositionPosting/Id/@validTo",
        start=f"{PROFILE}/PositionDateInfo/StartDate",
        positions="NumberToFill",
        apply=f"{PROFILE}/HowToApply/ApplicationMethod",
        person=(f"{PROFILE}/HowToApply/PersonName/FormattedName", f"{PROFILE}/HowToApply/PersonName"),
    ),
    "StaffingOrder": Dialect(
        identifier=("OrderId/IdValue",),
        status="OrderClassification/@orderStatus",
        title=(f"{POSITION}/PositionHeader/PositionTitle", f"{POSITION}/PositionHeader/PositionDescription"),
        texts=(f"{POSITION}/PositionHeader/FormattedPositionDescription/Value", "OrderComments"),
        employer=(f"{POSITION}/WorkSite/WorkSiteName", "StaffingCustomer/OrganizationName"),
        legal_id="ReferenceInformation/StaffingCustomerId/IdValue",
        places=f"{POSITION}/WorkSite",
        published="OrderId/@validFrom",
        expires="OrderId/@validTo",
        start=f"{POSITION}/PositionDateRange/StartDate",
        positions="PositionQuantity",
        apply="OrderContact/ContactInfo/ContactMethod",
        person=("OrderContact/ContactInfo/PersonName/FormattedName", "OrderContact/ContactInfo/PersonName/LegalName"),
    ),
    "JobPositionPosting": Dialect(
        identifier=("JobPositionPostingId",),
        status="@status",
        title=(f"{ABOUT}/JobPositionTitle",),
        texts=(f"{ABOUT}/JobPositionDescription/JobPositionPurpose", f"{ABOUT}//QualificationsRequired/P"),
        employer=("HiringOrg/HiringOrgName",),
        legal_id="HiringOrg/HiringOrgId",
        places=f"{ABOUT}/JobPositionDescription/JobPositionLocation",
        published="PostDetail/StartDate/Date",
        expires="PostDetail/EndDate/Date",
        start="PostDetail/JobStartDate/Date",
        positions="NumberToFill",
        apply="HowToApply/ApplicationMethods",
        person=("PostDetail/PostedBy/Contact/PersonName/FormattedName",),
    ),
}


def split(raw: bytes) -> Iterator[Item]:
    """Each of these documents in whatever stands around them: an envelope, SOAP."""
    return xml_cut(raw, tuple(DIALECTS), _identifier)


def _dialect(document: Node) -> Dialect | None:
    """None for HR-XML 3.x, whose records have a DocumentID."""
    name = document.element.tag.rpartition("}")[2]
    return None if document.each("DocumentID") else DIALECTS.get(name)


def _identifier(document: Node) -> str | None:
    dialect = _dialect(document)
    return hrxml_older.first(document, dialect.identifier if dialect else ("DocumentID",), 300)


def normalise(body: str, now: datetime) -> Reading:
    """One document, in the dialect its root element names."""
    document = Node(strict.xml_document(body.encode()), Notes())
    dialect = _dialect(document)
    return read(document, dialect, now) if dialect else eures_hrxml.normalise(body, now)


def read(document: Node, dialect: Dialect, now: datetime) -> Reading:
    """A document that keeps its facts where `dialect` says."""
    identifier = strict.external_id(_identifier(document), f"/{dialect.identifier[0]}")
    status, because = hrxml_older.status(document, dialect.status)
    locations = hrxml_older.locations(document, dialect.places)
    zone = dates.ZONES.get(next((place.country for place in locations if place.country), ""), "UTC")
    instant, deadline = partial(dates.instant, zone=zone), partial(dates.deadline, zone=zone)
    start, start_text = dates.day_or_words(hrxml_older.at(document, dialect.start))
    published = document.notes.keep(instant(hrxml_older.at(document, dialect.published), f"/{dialect.published}"))
    vacancy = v.Vacancy(
        origin=v.Origin(external_id=identifier),
        profiles=(_profile(document, dialect, status),),
        employer=v.Employer(
            name=plain(hrxml_older.first(document, dialect.employer)), legal_id=document.text(dialect.legal_id)
        ),
        locations=locations,
        offering=hrxml_older.offering(document),
        schedule=hrxml_older.schedule(document),
        positions=document.read(dialect.positions, codes.posts),
        start=start,
        start_text=start_text,
        immediate=document.read(f"{PROFILE}/PositionDateInfo/StartAsSoonAsPossible", codes.truth) or None,
        published=document.notes.keep(dates.not_after(published, now, f"/{dialect.published}")),
        expires=document.notes.keep(deadline(hrxml_older.at(document, dialect.expires), f"/{dialect.expires}")),
        pay=hrxml_older.pay(document),
        experience=hrxml_older.experience(document),
        licences=hrxml_older.licences(document),
        apply=_apply(document, dialect),
        contacts=_contacts(document, dialect),
        occupations=hrxml_older.occupations(document),
        demonstration=document.read("UserArea/Demonstration", codes.truth) or False,
        extra=hrxml_older.remainder(document),
    )
    return Reading(vacancy, status, because, tuple(document.notes.reasons))


def _profile(document: Node, dialect: Dialect, status: v.Status) -> v.Profile:
    title = plain(hrxml_older.first(document, dialect.title))
    if not title and status is v.Status.ACTIVE:
        raise Flaw("title-missing", f"/{dialect.title[0]}", hint="a vacancy needs a title")
    spoken = next((node.element.get(hrxml_older.LANGUAGE) for node in document.each(PROFILE)), None)
    language = document.notes.keep(codes.language(spoken, f"/{PROFILE}/@xml:lang"))
    html, text = sanitise("\n".join(filter(None, map(document.markup, dialect.texts))))
    return v.Profile(language=language, title=title or "(closed)", html=html, text=text)


def _apply(document: Node, dialect: Dialect) -> v.Apply:
    told = " ".join(str(text) for node in document.each(dialect.apply) for text in node.element.itertext())[:50_000]
    at = f"/{dialect.apply}"
    return v.Apply(url=link_in(told, document.notes, at), email=mail_in(told, document.notes, at))


def _contacts(document: Node, dialect: Dialect) -> tuple[v.Contact, ...]:
    phones = document.texts(f"{dialect.apply}/Telephone/FormattedNumber")
    person = v.Contact(name=hrxml_older.first(document, dialect.person), phone=next(iter(phones), None))
    return () if person == v.Contact() else (person,)


FEED = Feed(
    name="hrxml",
    title="HR-XML: PositionOpening, StaffingOrder (SETU), JobPositionPosting",
    country=None,
    media_types=("application/xml", "text/xml"),
    split=split,
    normalise=normalise,
    documentation=(
        "Documents of HR-XML in whatever stands around them: PositionOpening of 2.x, StaffingOrder of SIDES as SETU "
        "profiles it, JobPositionPosting as employers send it to Arbetsförmedlingen, and PositionOpening of 3.x, which "
        "is read as EURES' profile is. Elements are known by local name. A status nobody knows is refused."
    ),
)
