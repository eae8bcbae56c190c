"""Germany: offers of the Federal Employment Agency, as versions 4 and 6 of its job search list them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial

from schemas import vacancy as v
from services.ingest.feed import Feed, Flaw, Item, Reading
from services.ingest.fields import codes, dates, strict, strict_json
from services.ingest.fields.cut import json_cut
from services.ingest.fields.html import plain
from services.ingest.fields.pay import between, stated
from services.ingest.fields.record import Notes, Record

instant = partial(dates.instant, zone="Europe/Berlin")
V4 = {"beruf": "hauptberuf", "titel": "stellenangebotsTitel", "arbeitgeber": "firma", "externeUrl": "externeURL"}
"""Names of version 4 and what they are called in version 6."""
KINDS = {"AUSBILDUNG": v.Offering.APPRENTICESHIP, "PRAKTIKUM_TRAINEE": v.Offering.INTERNSHIP}
CONTRACTS = {"UNBEFRISTET": v.Offering.DIRECT_HIRE, "BEFRISTET": v.Offering.TEMPORARY}
INTERVALS = {
    "JAHRESGEHALT": v.Interval.YEAR,
    "MONATSGEHALT": v.Interval.MONTH,
    "STUNDENLOHN": v.Interval.HOUR,
}
PART_TIME = tuple(f"/arbeitszeitTeilzeit{when}" for when in ("Vormittag", "Nachmittag", "Abend", "Flexibel"))


def split(raw: bytes) -> Iterator[Item]:
    """An answer of the search in either version, a list of offers, or one alone."""
    within = ("stellenangebote", "ergebnisliste")
    return json_cut(raw, within, ("refnr", "referenznummer"), _identifier)


def _identifier(offer: Mapping[str, object]) -> object:
    return offer.get("referenznummer") or offer.get("refnr")


def normalise(body: str, now: datetime) -> Reading:
    """One offer. The list has no text and no end: what is over is absent from the next pull."""
    members = strict_json.json_record(body)
    offer = Record(_as_v6(members) if "refnr" in members else members, Notes())
    identifier = strict.external_id(_identifier(members), "/referenznummer")
    title = plain(offer.first("/stellenangebotsTitel", "/hauptberuf"))
    if not title:
        raise Flaw("title-missing", "/stellenangebotsTitel", hint="an offer needs a title or an occupation")
    published = offer.read("/veroeffentlichungszeitraum/von", instant)
    updated = offer.read("/aenderungsdatum", instant)
    vacancy = v.Vacancy(
        origin=v.Origin(external_id=identifier),
        profiles=(v.Profile(title=title),),
        employer=v.Employer(name=plain(offer.text("/firma"))),
        locations=_locations(offer),
        offering=_offering(offer),
        schedule=_schedule(offer),
        start=offer.read("/eintrittszeitraum/von", dates.day),
        published=offer.notes.keep(dates.not_after(published, now, "/veroeffentlichungszeitraum/von")),
        updated=offer.notes.keep(dates.not_after(updated, now, "/aenderungsdatum")),
        pay=_pay(offer),
        remote=offer.flag("/homeofficemoeglich"),
        apply=v.Apply(url=offer.read("/externeURL", strict.web_address)),
        occupations=_occupations(offer),
        demonstration=offer.flag("/demonstration") or False,
        extra=offer.stated(
            home_office="/homeofficetyp",
            employer_hash="/arbeitgeberKundennummerHash",
            first_published="/datumErsteVeroeffentlichung",
            kind="/stellenangebotsart",
        ),
    )
    return Reading(vacancy, warnings=tuple(offer.notes.reasons))


def _as_v6(offer: Mapping[str, object]) -> dict[str, object]:
    """An offer of version 4 in the names of version 6."""
    place = offer.get("arbeitsort")
    place = place if isinstance(place, dict) else {}
    point = place.get("koordinaten")
    point = point if isinstance(point, dict) else {}
    return {V4.get(name, name): value for name, value in offer.items()} | {
        "stellenlokationen": [{"adresse": place, "breite": point.get("lat"), "laenge": point.get("lon")}],
        "veroeffentlichungszeitraum": {"von": offer.get("aktuelleVeroeffentlichungsdatum")},
        "aenderungsdatum": offer.get("modifikationsTimestamp"),
        "eintrittszeitraum": {"von": offer.get("eintrittsdatum")},
        "arbeitgeberKundennummerHash": offer.get("kundennummerHash"),
    }


def _locations(offer: Record) -> tuple[v.Location, ...]:
    found = dict.fromkeys(map(_location, offer.each("/stellenlokationen")))
    return tuple(place for place in found if place != v.Location())[:100]


def _location(place: Record) -> v.Location:
    lat, lon = codes.coordinates(place.notes, place.at, place.text("/breite"), place.text("/laenge"))
    street = [place.text("/adresse/strasse"), place.text("/adresse/ortsteil")]
    return v.Location(
        country=_country(place),
        postcode=place.text("/adresse/plz", 20),
        city=place.text("/adresse/ort", 200),
        address=", ".join(filter(None, street))[:500] or place.text("/adresse/region"),
        lat=lat,
        lon=lon,
    )


def _country(place: Record) -> str | None:
    name = place.text("/adresse/land") or ""
    found = codes.country_named(name, "de")
    if name and not found:
        place.notes.keep((None, codes.unknown(name, f"{place.at}/adresse/land", "a country by its German name")))
    return found


def _offering(offer: Record) -> v.Offering | None:
    kind, contract = offer.text("/stellenangebotsart") or "", offer.text("/vertragsdauer") or ""
    if kind == "SELBSTAENDIGKEIT":
        return v.Offering.SELF_EMPLOYED
    return KINDS.get(kind) or CONTRACTS.get(contract)


def _schedule(offer: Record) -> v.Schedule | None:
    """Flags, of which none may be set: then it is not stated."""
    full, part = offer.flag("/arbeitszeitVollzeit"), any(map(offer.flag, PART_TIME))
    if full and part:
        return v.Schedule.ANY
    return v.Schedule.FULL_TIME if full else v.Schedule.PART_TIME if part else None


def _pay(offer: Record) -> v.Pay | None:
    written = (offer.text("/gehaltsspanneVon"), offer.text("/gehaltsspanneBis"))
    interval = INTERVALS.get(offer.text("/verguetungsangabe") or "")
    return stated(*between(offer.notes, "/gehaltsspanneVon", written), "EUR", interval)


def _occupations(offer: Record) -> tuple[v.OccupationCode, ...]:
    """The agency's names of occupations are its codes: each stands once in its list."""
    names = offer.texts("/alleBerufe", 200) or [offer.text("/hauptberuf", 200) or ""]
    return tuple(v.OccupationCode(scheme="BA-BERUFE", code=name, label=name) for name in names if name)


FEED = Feed(
    name="de_ba",
    title="Germany: Bundesagentur für Arbeit",
    country="DE",
    media_types=("application/json", "application/x-ndjson"),
    split=split,
    normalise=normalise,
    documentation=(
        "Offers as versions 4 (stellenangebote) and 6 (ergebnisliste) of the agency's job search list them: an answer, "
        "a list, one offer alone, or one on each line. The reference number is the identifier. Times without an offset "
        "are German. The list has neither text nor end; an offer is open until a snapshot lacks it."
    ),
)
