"""Sweden: advertisements of Arbetsförmedlingen, from the JobSearch, JobStream and historical APIs of JobTech."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial

from schemas import vacancy as v
from services.ingest.feed import Feed, Flaw, Item, Reading
from services.ingest.fields import codes, dates, se_jobad, strict, strict_json
from services.ingest.fields.cut import json_cut
from services.ingest.fields.html import from_text, plain, sanitise
from services.ingest.fields.pay import stated
from services.ingest.fields.record import Notes, Record
from services.ingest.fields.se_af_internal import as_published, is_internal

instant = partial(dates.instant, zone="Europe/Stockholm")
deadline = partial(dates.deadline, zone="Europe/Stockholm")


def split(raw: bytes) -> Iterator[Item]:
    """A search answer, a list of advertisements, one alone, or one on each line."""
    return json_cut(raw, ("hits", "testannonser"), ("id", "headline", "annonsId", "annonsrubrik"), _identifier)


def _identifier(ad: Mapping[str, object]) -> object:
    return ad.get("annonsId", ad.get("id"))


def normalise(body: str, now: datetime) -> Reading:
    """One advertisement, in the shape of the search API or in the agency's internal one."""
    members = strict_json.json_record(body)
    ad = Record(as_published(members) if is_internal(members) else members, Notes())
    identifier = strict.external_id(ad.value("/id"), "/id")
    removed = ad.flag("/removed") is True
    expires = ad.read("/last_publication_date", deadline)
    updated = (ad.read("/removed_date", instant) if removed else None) or ad.read("/timestamp", instant)
    published = ad.read("/publication_date", instant)
    vacancy = v.Vacancy(
        origin=v.Origin(external_id=identifier, url=ad.read("/webpage_url", strict.web_address)),
        profiles=(_profile(ad, removed),),
        employer=se_jobad.employer(ad),
        locations=se_jobad.locations(ad),
        offering=ad.read("/employment_type/label", se_jobad.offering),
        schedule=ad.read("/working_hours_type/legacy_ams_taxonomy_id", se_jobad.schedule),
        positions=ad.read("/number_of_vacancies", codes.posts),
        start_text=ad.text("/access"),
        apply_by=ad.read("/application_deadline", deadline),
        published=ad.notes.keep(dates.not_after(published, now, "/publication_date")),
        updated=ad.notes.keep(dates.not_after(updated, now, "/timestamp")),
        expires=expires,
        pay=stated(source_text=ad.text("/salary_description")),
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
