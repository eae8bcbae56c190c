"""Sweden: advertisements of Arbetsförmedlingen, from the JobSearch, JobStream and historical APIs of JobTech."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from schemas import vacancy as v
from services.ingest.feed import Feed, Flaw, Item, Reading
from services.ingest.fields import codes, dates, se_jobad, strict
from services.ingest.fields.html import from_text, plain, sanitise
from services.ingest.fields.record import Notes, Record
from services.ingest.fields.se_af_internal import as_published, is_internal
from services.ingest.fields.strict import Members

instant = partial(dates.instant, zone="Europe/Stockholm")
deadline = partial(dates.deadline, zone="Europe/Stockholm")


def split(raw: bytes) -> Iterator[Item]:
    """A search answer, a list of advertisements, one alone, or one on each line."""
    if lines := strict.json_lines(raw):
        yield from map(_line, lines)
    else:
        yield from map(_item, _advertisements(strict.json_document(raw)))


def _line(line: bytes) -> Item:
    try:
        return _item(strict.json_document(line))
    except Flaw as flaw:
        return Item(None, strict.clean(line.decode(errors="replace")), flaw.reason)


def _item(found: object) -> Item:
    ad = found.get("_source", found) if isinstance(found, Members) else found
    return strict.json_item(ad, ad.get("annonsId", ad.get("id")) if isinstance(ad, Members) else None)


def _advertisements(document: object) -> list[object]:
    """The records in whatever stands around them."""
    if isinstance(document, list):
        return document
    if isinstance(document, Members):
        if not document.keys().isdisjoint(("id", "headline", "annonsId", "annonsrubrik", "_source")):
            return [document]
        if document.repeated:
            raise Flaw("json-duplicate-key", f"/{document.repeated}", hint="a member may be given once")
        for name in ("hits", "testannonser"):
            if name in document:
                return _advertisements(document[name])
    raise Flaw("no-records", "", type(document).__name__, "hits, a list of advertisements, or one on each line")


def normalise(body: str, now: datetime) -> Reading:
    """One advertisement, in the shape of the search API or in the agency's internal one."""
    members = strict.json_record(body)
    ad = Record(as_published(members) if is_internal(members) else members, Notes())
    identifier = strict.external_id(ad.value("/id"), "/id")
    removed = ad.flag("/removed") is True
    expires = ad.read("/last_publication_date", deadline)
    updated = (ad.read("/removed_date", instant) if removed else None) or ad.read("/timestamp", instant)
    published = ad.read("/publication_date", instant)
    salary = ad.text("/salary_description")
    vacancy = v.Vacancy(
        origin=v.Origin(external_id=identifier, url=ad.read("/webpage_url", strict.web_address)),
        profiles=(_profile(ad, removed),),
        employer=se_jobad.employer(ad),
        locations=se_jobad.locations(ad),
        offering=ad.read("/employment_type/label", se_jobad.offering),
        schedule=ad.read("/working_hours_type/legacy_ams_taxonomy_id", se_jobad.schedule),
        positions=ad.read("/number_of_vacancies", partial(codes.whole, low=1, high=10_000)),
        start_text=ad.text("/access"),
        apply_by=ad.read("/application_deadline", deadline),
        published=ad.notes.keep(dates.not_after(published, now, "/publication_date")),
        updated=ad.notes.keep(dates.not_after(updated, now, "/timestamp")),
        expires=expires,
        pay=v.Pay(source_text=salary) if salary else None,
        experience=se_jobad.experience(ad),
        licences=se_jobad.licences(ad),
        languages=se_jobad.languages(ad),
        apply=se_jobad.apply(ad),
        contacts=se_jobad.contacts(ad),
        occupations=se_jobad.occupations(ad),
        demonstration=ad.flag("/demonstration") or False,
        extra=se_jobad.remainder(ad),
    )
    status, because = _status(removed, expires, now)
    return Reading(vacancy, status, because, tuple(ad.notes.reasons))


def _status(removed: bool, expires: datetime | None, now: datetime) -> tuple[v.Status, str | None]:
    if removed:
        return v.Status.CLOSED, "removed by source"
    if expires and expires < now:
        return v.Status.EXPIRED, "last publication date has passed"
    return v.Status.ACTIVE, None


def _profile(ad: Record, removed: bool) -> v.Profile:
    title = plain(ad.text("/headline"))
    if not title and not removed:
        raise Flaw("title-missing", "/headline", hint="an advertisement needs a headline")
    formatted = ad.text("/description/text_formatted", 100_000)
    html, text = (
        sanitise(formatted, lines=True) if formatted else from_text(ad.text("/description/text", 100_000) or "")
    )
    # A removal in the stream may be nothing but an id and a date.
    return v.Profile(title=title or "(closed)", html=html, text=text)


FEED = Feed(
    name="se_jobtech",
    title="Sweden: Arbetsförmedlingen (JobTech)",
    country="SE",
    media_types=("application/json", "application/x-ndjson"),
    split=split,
    normalise=normalise,
    documentation=(
        "Advertisements as the JobSearch, JobStream and historical APIs of JobTech show them: an answer with hits, a "
        "list, one advertisement alone, or one on each line; also search engine hits and the agency's internal shape. "
        "The field id is the identifier; removed says that an advertisement was withdrawn. Times without an offset "
        "are Swedish. Occupations are kept as SSYK-2012 groups and concepts of the JobTech taxonomy."
    ),
)
