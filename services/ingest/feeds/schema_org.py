"""schema.org: JobPosting as JSON-LD, alone, in a list or a graph, or in a web page."""

import re
from collections.abc import Iterator
from datetime import datetime

from schemas import vacancy as v
from services.ingest.feed import Feed, Flaw, Item, Reading
from services.ingest.fields import codes, dates, employment, jobposting, strict, strict_json
from services.ingest.fields.html import plain, sanitise
from services.ingest.fields.record import Notes, Record

_SCRIPT = re.compile(rb"<script\b[^<>]{0,300}application/ld\+json[^<>]{0,300}>", re.IGNORECASE)
_END = re.compile(rb"</script", re.IGNORECASE)
_COMMENT = re.compile(rb"^\s*(?:<!--|//<!\[CDATA\[|<!\[CDATA\[)|(?:-->|//\]\]>|\]\]>)\s*$")


def split(raw: bytes) -> Iterator[Item]:
    """The postings in JSON-LD, or in each script of a page that holds some; a broken script spoils no other."""
    if not raw.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        yield from map(_item, jobposting.postings(strict_json.json_document(raw)))
        return
    found = False
    for script in _SCRIPT.split(raw)[1:]:
        for item in _scripted(_COMMENT.sub(b"", _END.split(script, maxsplit=1)[0])):
            found = True
            yield item
    if not found:
        raise Flaw("no-records", "", "a page", "a script of type application/ld+json that holds a JobPosting")


def _scripted(script: bytes) -> Iterator[Item]:
    try:
        document = strict_json.json_document(script)
    except Flaw as flaw:
        yield Item(None, strict.clean(script.decode(errors="replace")), flaw.reason)
    else:
        yield from map(_item, jobposting.postings(document, strictly=False))


def _item(posting: object) -> Item:
    members = posting if isinstance(posting, strict_json.Members) else None
    return strict_json.json_item(posting, jobposting.identifier(members) if members else None)


def normalise(body: str, now: datetime) -> Reading:
    """One posting; what may be one or several, a text or an object, is read as either."""
    members = strict_json.json_record(body)
    posting = Record(members, Notes())
    identifier = strict.external_id(jobposting.identifier(members), "/identifier")
    title = plain(posting.first("/title", "/name"))
    if not title:
        raise Flaw("title-missing", "/title", hint="a posting needs a title")
    language = posting.read("/inLanguage", codes.language)
    locations = jobposting.locations(posting, language)
    zone = dates.ZONES.get(next((place.country for place in locations if place.country), ""), "UTC")
    html, text = sanitise(posting.text("/description", 100_000) or "")
    kinds = posting.texts("/employmentType")
    published = posting.notes.keep(dates.instant(posting.text("/datePosted"), "/datePosted", zone))
    updated = posting.notes.keep(dates.instant(posting.text("/dateModified"), "/dateModified", zone))
    vacancy = v.Vacancy(
        origin=v.Origin(external_id=identifier, url=posting.read("/url", strict.web_address)),
        profiles=(v.Profile(language=language, title=title, html=html, text=text),),
        employer=jobposting.employer(posting),
        locations=locations,
        offering=employment.offering(kinds),
        schedule=employment.schedule(kinds),
        positions=posting.read("/totalJobOpenings", codes.posts),
        start=posting.read("/jobStartDate", dates.day),
        immediate=posting.flag("/jobImmediateStart"),
        published=posting.notes.keep(dates.not_after(published, now, "/datePosted")),
        updated=posting.notes.keep(dates.not_after(updated, now, "/dateModified")),
        expires=posting.notes.keep(dates.deadline(posting.text("/validThrough"), "/validThrough", zone)),
        pay=jobposting.pay(posting),
        experience=jobposting.experience(posting),
        remote=employment.remote(posting.text("/jobLocationType")),
        apply=jobposting.apply(posting),
        occupations=jobposting.occupations(posting),
        demonstration=posting.flag("/demonstration") or False,
        extra=jobposting.remainder(posting),
    )
    return Reading(vacancy, warnings=tuple(posting.notes.reasons))


FEED = Feed(
    name="schema_org",
    title="schema.org JobPosting (JSON-LD)",
    country=None,
    media_types=("application/ld+json", "application/json", "text/html"),
    split=split,
    normalise=normalise,
    documentation=(
        "JobPosting of schema.org as JSON-LD: one alone, a list, a graph, an ItemList, or a web page with scripts that "
        "hold some. The identifier is identifier (its value), else @id, else url. Dates without an offset are those "
        "of the place of work. Of pay, baseSalary with currency and unitText counts."
    ),
)
