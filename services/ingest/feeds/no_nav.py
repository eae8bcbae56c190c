"""Norway: advertisements of NAV, from its ad register, its search index, its feed pages and its import API."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial

from schemas import vacancy as v
from services.ingest.feed import Feed, Flaw, Item, Reading
from services.ingest.fields import codes, dates, no_terms, strict, strict_json
from services.ingest.fields.channels import website
from services.ingest.fields.cut import json_cut
from services.ingest.fields.html import plain, sanitise
from services.ingest.fields.record import Notes, Record

instant = partial(dates.instant, zone="Europe/Oslo")
deadline = partial(dates.deadline, zone="Europe/Oslo")
STATUSES = {
    "active": v.Status.ACTIVE,
    "inactive": v.Status.CLOSED,
    "stopped": v.Status.CLOSED,
    "deleted": v.Status.WITHDRAWN,
    "rejected": v.Status.WITHDRAWN,
}
HIDDEN = "INTERNAL_NOT_SHOWN"
AT_ONCE = ("snarest", "asap", "straks", "omgående")
P = "/properties"


def split(raw: bytes) -> Iterator[Item]:
    """A page of a feed, an answer of the search index, a list of advertisements, or one alone."""
    return json_cut(raw, ("content", "hits"), ("uuid", "reference", "title"), _identifier)


def _identifier(ad: Mapping[str, object]) -> object:
    return ad.get("uuid") or ad.get("reference")


def normalise(body: str, now: datetime) -> Reading:
    """One advertisement: what the employer wrote is in its properties, which are texts whatever they hold."""
    members = strict_json.json_record(body)
    ad = Record(members, Notes())
    identifier = strict.external_id(_identifier(members), "/uuid")
    status, because = _status(ad)
    start, start_text = dates.day_or_words(_written_day(ad, "starttime"))
    published = ad.read("/published", instant)
    due = _written_day(ad, "applicationdue")
    vacancy = v.Vacancy(
        origin=v.Origin(external_id=identifier, url=ad.read(f"{P}/sourceurl", strict.web_address)),
        profiles=(_profile(ad, status),),
        employer=_employer(ad),
        locations=no_terms.locations(ad),
        offering=ad.read(f"{P}/engagementtype", no_terms.offering),
        schedule=ad.read(f"{P}/extent", no_terms.schedule),
        positions=ad.read("/positions" if "positions" in members else f"{P}/positioncount", codes.posts),
        start=start,
        start_text=start_text,
        immediate=True if start_text and start_text.casefold() in AT_ONCE else None,
        apply_by=deadline(due, "")[0],
        published=ad.notes.keep(dates.not_after(published, now, "/published")),
        updated=ad.notes.keep(dates.not_after(ad.read("/updated", instant), now, "/updated")),
        expires=ad.read("/expires", deadline),
        nace=no_terms.industries(ad),
        remote=ad.read(f"{P}/remote", no_terms.remote),
        apply=_apply(ad),
        contacts=_contacts(ad),
        occupations=no_terms.occupations(ad),
        demonstration=ad.flag("/demonstration") or False,
        extra=_remainder(ad, due),
    )
    return Reading(vacancy, status, because, tuple(ad.notes.reasons))


def _status(ad: Record) -> tuple[v.Status, str | None]:
    """An advertisement that is not for everyone is withdrawn; a status nobody knows is refused."""
    word = ad.text("/status") or "ACTIVE"
    status = STATUSES.get(word.casefold())
    if status is None:
        raise Flaw("status-unknown", "/status", word, f"one of {', '.join(STATUSES).upper()}")
    if status is v.Status.ACTIVE and ad.text("/privacy") == HIDDEN:
        return v.Status.WITHDRAWN, "not for the public"
    if ad.flag("/deactivatedByExpiry") and status is v.Status.CLOSED:
        status = v.Status.EXPIRED
    return status, None if status is v.Status.ACTIVE else f"status {word}"


def _profile(ad: Record, status: v.Status) -> v.Profile:
    title = plain(ad.first("/title", f"{P}/jobtitle"))
    if not title and status is v.Status.ACTIVE:
        raise Flaw("title-missing", "/title", hint="an advertisement needs a title")
    html, text = sanitise(ad.text(f"{P}/adtext", 100_000) or ad.text("/adText", 100_000) or "")
    return v.Profile(title=title or "(closed)", html=html, text=text)


def _employer(ad: Record) -> v.Employer:
    """The registered name; in a supplier's advertisement the one that is advertised."""
    named = ad.first("/employer/name", "/employer/businessName", "/businessName", f"{P}/employer")
    return v.Employer(
        name=plain(named),
        legal_id=ad.text("/employer/orgnr"),
        website=ad.read(f"{P}/employerhomepage", website),
        description=sanitise(ad.text(f"{P}/employerdescription", 100_000) or "")[1] or None,
    )


def _written_day(ad: Record, name: str) -> str | None:
    """What may be a day: with slashes it has its day first, like with dots."""
    written = ad.text(f"{P}/{name}")
    return written.replace("/", ".") if written and written[2:3] == written[5:6] == "/" else written


def _apply(ad: Record) -> v.Apply:
    """FINN wants its own page to be the way to an advertisement it has passed on; NAV sends people there, too."""
    way = ("sourceurl", "applicationurl") if ad.text("/source") == "FINN" else ("applicationurl", "sourceurl")
    found = (ad.read(f"{P}/{name}", strict.web_address) for name in way)
    return v.Apply(url=next(filter(None, found), None), email=ad.read(f"{P}/applicationemail", strict.mailbox))


def _contacts(ad: Record) -> tuple[v.Contact, ...]:
    people = (
        v.Contact(name=one.text("/name"), email=one.read("/email", strict.mailbox), phone=one.text("/phone"))
        for one in ad.each("/contactList")
    )
    return tuple(dict.fromkeys(one for one in people if one != v.Contact()))


def _remainder(ad: Record, due: str | None) -> dict[str, object]:
    kept = ad.stated(
        reference="/reference",
        medium="/medium",
        business_name="/businessName",
        job_title=f"{P}/jobtitle",
        sector=f"{P}/sector",
        keywords=f"{P}/keywords",
        industry=f"{P}/industry",
        workday=f"{P}/workday",
        workhours=f"{P}/workhours",
        application_url=f"{P}/applicationurl",
    )
    kept["municipality_codes"] = no_terms.municipalities(ad)
    kept["application_due"] = due if due and not deadline(due, "")[0] else None
    return {name: value for name, value in kept.items() if value}


FEED = Feed(
    name="no_nav",
    title="Norway: NAV",
    country="NO",
    media_types=("application/json", "application/x-ndjson"),
    split=split,
    normalise=normalise,
    documentation=(
        "Advertisements as NAV's ad register, search index and feed pages show them and as its import API takes them: "
        "content, hits, a list, one alone, or one on each line. The uuid is the identifier, for a supplier the "
        "reference. Times without an offset are Norwegian; dates with dots or slashes have their day first. "
        "What is INTERNAL_NOT_SHOWN counts as withdrawn. Of an occupation the code of STYRK-08 is kept and, as NAV "
        "itself tells EURES, its first four digits as ISCO-08."
    ),
)
