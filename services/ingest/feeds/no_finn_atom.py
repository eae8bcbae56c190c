"""Norway: advertisements of FINN, Atom entries with trees of named fields."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from schemas import vacancy as v
from services.ingest.feed import Feed, Flaw, Item, Reading
from services.ingest.fields import codes, dates, no_terms, strict
from services.ingest.fields.channels import website
from services.ingest.fields.cut import xml_cut
from services.ingest.fields.html import plain, sanitise
from services.ingest.fields.record import Node, Notes

instant = partial(dates.instant, zone="Europe/Oslo")
deadline = partial(dates.deadline, zone="Europe/Oslo")
SCHEDULES = {"job-full-time": v.Schedule.FULL_TIME, "job-part-time": v.Schedule.PART_TIME}
STATUSES = {"activated": v.Status.ACTIVE, "disposed": v.Status.CLOSED, "deleted": v.Status.WITHDRAWN}
KIND, STATUS, FILLED = "urn:finn:ad:type", "urn:finn:ad:status", "urn:finn:ad:disposed"
APPLY = "http://api.finn.no/relations/apply"


def split(raw: bytes) -> Iterator[Item]:
    """Each entry of a feed, or one alone."""
    return xml_cut(raw, ("entry",), _identifier)


def _identifier(entry: Node) -> str | None:
    return (entry.text("id", 300) or "").rpartition(":")[2] or None


def normalise(body: str, now: datetime) -> Reading:
    """One entry; what the employer wrote is in its fields."""
    entry = Node(strict.xml_document(body.encode()), Notes())
    identifier = strict.external_id(_identifier(entry), "/id")
    status, because = _status(entry)
    title = plain(entry.text("title"))
    if not title:
        raise Flaw("title-missing", "/title", hint="an entry needs a title")
    texts = (node.markup(".") for node in _fields(entry, "general_text", "value"))
    html, text = sanitise("".join(texts))
    start, start_text = dates.day_or_words(_value(entry, "start_date"))
    due = _value(entry, "application_deadline")
    published, updated = entry.read("published", instant), entry.read("updated", instant)
    vacancy = v.Vacancy(
        origin=v.Origin(external_id=identifier, url=_link(entry, "alternate")),
        profiles=(v.Profile(title=title, html=html, text=text),),
        employer=_employer(entry),
        locations=_locations(entry),
        offering=entry.notes.keep(no_terms.offering(_value(entry, "duration"), "/adata/duration")),
        schedule=SCHEDULES.get(_category(entry, KIND) or ""),
        positions=entry.notes.keep(codes.posts(_value(entry, "no_of_positions"), "/adata/no_of_positions")),
        start=start,
        start_text=start_text,
        apply_by=deadline(due, "")[0],
        published=entry.notes.keep(dates.not_after(published, now, "/published")),
        updated=entry.notes.keep(dates.not_after(updated, now, "/updated")),
        expires=entry.read("expires", deadline),
        working_languages=_languages(entry),
        apply=v.Apply(url=_link(entry, APPLY), email=strict.mailbox(_value(entry, "application_email"), "")[0]),
        contacts=_contacts(entry),
        demonstration=entry.read("demonstration", codes.truth) or False,
        extra=_remainder(entry),
    )
    return Reading(vacancy, status, because, tuple(entry.notes.reasons))


def _category(entry: Node, scheme: str) -> str | None:
    found = (node.element.get("term") for node in entry.each("category") if node.element.get("scheme") == scheme)
    return next(found, None)


def _status(entry: Node) -> tuple[v.Status, str | None]:
    """A status nobody knows is refused; in a list none stands, and all are active."""
    word = _category(entry, STATUS) or "activated"
    if word not in STATUSES:
        raise Flaw("status-unknown", "/category", word, f"one of {', '.join(STATUSES)}")
    if _category(entry, FILLED) == "true":
        return v.Status.CLOSED, "filled"
    return STATUSES[word], None if STATUSES[word] is v.Status.ACTIVE else f"status {word}"


def _fields(entry: Node, *names: str) -> list[Node]:
    """The fields of these names, each within the one before, whatever stands between."""
    found = entry.each("adata")
    for name in names:
        found = [field for node in found for field in node.each("field") + node.each("value/field")]
        found = [field for field in found if field.element.get("name") == name]
    return found


def _value(entry: Node, *names: str) -> str | None:
    """What a field holds, as an attribute or as its text."""
    held = (node.element.get("value") or node.written for node in _fields(entry, *names))
    return next(filter(None, (entry.notes.line(text, f"/adata/{names[-1]}") for text in held)), None)


def _values(entry: Node, name: str) -> list[str]:
    return [text for node in _fields(entry, name) for text in node.texts("value")]


def _link(entry: Node, relation: str) -> str | None:
    links = (node.element.get("href") for node in entry.each("link") if node.element.get("rel") == relation)
    return entry.notes.keep(strict.web_address(next(links, None), "/link"))


def _employer(entry: Node) -> v.Employer:
    about = _fields(entry, "company", "ingress")
    return v.Employer(
        name=plain(_value(entry, "company", "name") or entry.text("author/name")),
        website=entry.notes.keep(website(_value(entry, "company", "url"), "/adata/company/url")),
        description=sanitise(about[0].markup("."))[1] or None if about else None,
    )


def _locations(entry: Node) -> tuple[v.Location, ...]:
    """One place with its point, which is north before east."""
    north, _, east = (entry.text("point") or "").partition(" ")
    lat, lon = codes.coordinates(entry.notes, "/point", north, east)
    country = entry.text("location/country")
    known = codes.country_named(country or "Norge", "nb")
    if not known:
        entry.notes.keep((None, codes.unknown(country, "/location/country", "a country by its Norwegian name")))
    place = v.Location(
        country=known,
        postcode=entry.text("location/postal-code", 20),
        city=entry.text("location/city", 200),
        address=entry.text("location/address"),
        lat=lat,
        lon=lon,
    )
    return (place,)


def _languages(entry: Node) -> tuple[str, ...]:
    named = (codes.language_named(name, "nb") for name in _values(entry, "working_language"))
    return tuple(dict.fromkeys(language for language in named if language))


def _contacts(entry: Node) -> tuple[v.Contact, ...]:
    people = (
        v.Contact(name=one.text("name"), email=one.read("email", strict.mailbox), phone=one.text("phone-number"))
        for one in entry.each("contact")
    )
    return tuple(dict.fromkeys(one for one in people if one != v.Contact()))


def _remainder(entry: Node) -> dict[str, object]:
    due = _value(entry, "application_deadline")
    kept: dict[str, object] = {
        "job_title": _value(entry, "job_title"),
        "sector": _value(entry, "sector"),
        "industry": _values(entry, "industry"),
        "keywords": _values(entry, "keywords"),
        "remote_options": _values(entry, "remote_options"),
        "application_due": due if not deadline(due, "")[0] else None,
    }
    return {name: value for name, value in kept.items() if value}


FEED = Feed(
    name="no_finn_atom",
    title="Norway: FINN (Atom)",
    country="NO",
    media_types=("application/atom+xml", "application/xml"),
    split=split,
    normalise=normalise,
    documentation=(
        "Atom entries as FINN's interface for advertisements shows them, alone or in a feed. The number at the end of "
        "the id is the identifier; a status other than activated, or filled, closes. A list has no texts."
    ),
)
