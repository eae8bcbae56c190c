"""Job boards' XML: the dialects agencies send to job boards (job elements), and RSS with nothing but items."""

import re
from collections.abc import Iterator
from datetime import datetime
from functools import partial

from schemas import vacancy as v
from services.ingest.feed import Feed, Flaw, Item, Reading
from services.ingest.fields import codes, dates, employment, pay, strict
from services.ingest.fields.cut import xml_cut
from services.ingest.fields.html import plain, sanitise
from services.ingest.fields.record import Node, Notes

IDENTIFIERS = ("referencenumber", "guid", "id", "jobid", "reference")
LINKS = ("url", "link", "apply_url")
_ID_IN_LINK = re.compile(r"[?&](?:id|jobid|job_id|ref)=([^&#]+)", re.IGNORECASE)
_SLUG = re.compile(r"/([^/?#]+)/?(?:[?#]|$)")


def split(raw: bytes) -> Iterator[Item]:
    """Each job, item or vacancy element, whatever stands around them."""
    return xml_cut(raw, ("job", "item", "vacancy"), _identifier)


def _identifier(job: Node) -> str | None:
    """A number of its own; else the one in its link, else the last part of its link."""
    own = next(filter(None, (job.text(name, 300) for name in IDENTIFIERS)), None) or job.element.get("id")
    if own:
        return own
    link = _first(job, LINKS, 2000) or ""
    found = _ID_IN_LINK.search(link) or _SLUG.search(link.partition("://")[2])
    return found[1] if found else None


def _first(job: Node, names: tuple[str, ...], limit: int = 500) -> str | None:
    return next(filter(None, (job.text(name, limit) for name in names)), None)


def normalise(body: str, now: datetime) -> Reading:
    """One job. Dialects differ in the names of their elements; what a dialect lacks is not stated."""
    job = Node(strict.xml_document(body.encode()), Notes())
    identifier = strict.external_id(_identifier(job), "/referencenumber")
    title = plain(_first(job, ("title", "name")))
    if not title:
        raise Flaw("title-missing", "/title", hint="a job needs a title or a name")
    place = _location(job)
    zone = dates.ZONES.get(place.country or "", "UTC")
    link = job.notes.keep(strict.web_address(_first(job, LINKS, 2001), "/url"))
    html, text = sanitise(job.markup("description") or job.markup("content"))
    kinds = [*job.texts("jobtype"), *job.texts("job_type"), *job.texts("employmentType"), *job.texts("type")]
    published = _when(job, ("date", "pubdate", "pubDate", "datePosted"), zone)
    updated = _when(job, ("updated",), zone)
    ends = _first(job, ("expire", "expirationdate", "expiration_date", "validThrough"))
    vacancy = v.Vacancy(
        origin=v.Origin(external_id=identifier, url=link),
        profiles=(v.Profile(language=job.read("language", codes.language), title=title, html=html, text=text),),
        employer=v.Employer(name=plain(_first(job, ("company", "company_name", "employer")))),
        locations=() if place == v.Location() else (place,),
        offering=employment.offering(kinds),
        schedule=employment.schedule(kinds),
        published=job.notes.keep(dates.not_after(published, now, "/date")),
        updated=job.notes.keep(dates.not_after(updated, now, "/updated")),
        expires=job.notes.keep(dates.deadline(ends, "/expire", zone)),
        pay=_pay(job),
        remote=employment.remote(job.text("remote")),
        apply=v.Apply(url=link, email=job.read("email", strict.mailbox)),
        demonstration=job.read("demonstration", codes.truth) or False,
        extra={name: told for name in ("category", "experience", "education", "state") if (told := job.text(name))},
    )
    return Reading(vacancy, warnings=tuple(job.notes.reasons))


def _when(job: Node, names: tuple[str, ...], zone: str) -> datetime | None:
    """As ISO writes it, or as mails do."""
    written = _first(job, names)
    return job.notes.keep(dates.mailed(written) or partial(dates.instant, zone=zone)(written, f"/{names[0]}"))


def _location(job: Node) -> v.Location:
    """A city that is the name of a country is none."""
    country = job.read("country", codes.country_spelt)
    city = _first(job, ("city", "region", "location"), 200)
    if city and codes.country_named(city, "en"):
        country, city = country or codes.country_named(city, "en"), None
    return v.Location(country=country, postcode=_first(job, ("postalcode", "postcode"), 20), city=city)


def _pay(job: Node) -> v.Pay | None:
    """Figures count where they have a currency; without one the text is all that is known."""
    written = job.text("salary")
    currency = job.read("currency", codes.currency) or pay.currency_in(written or "")
    if not written or not currency:
        return pay.stated(source_text=written)
    return pay.stated(*pay.amounts(written), currency, employment.interval(job.text("salaryperiod")), written)


FEED = Feed(
    name="jobfeed_xml",
    title="Job boards' XML and RSS",
    country=None,
    media_types=("application/xml", "text/xml", "application/rss+xml"),
    split=split,
    normalise=normalise,
    documentation=(
        "Elements named job, item or vacancy, in whatever stands around them, with the names that job boards ask for: "
        "title or name, url or link, date or pubdate, city or region, country, company, salary, jobtype, description. "
        "The identifier is referencenumber, guid, an id, or what the link ends in. Salaries need a currency to count."
    ),
)
