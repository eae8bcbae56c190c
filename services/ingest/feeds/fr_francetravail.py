"""France: offers of France Travail, from version 2 of its API of offers."""

import re
from collections.abc import Iterator
from datetime import datetime

from schemas import vacancy as v
from services.ingest.feed import Feed, Flaw, Item, Reading
from services.ingest.fields import codes, dates, fr_terms, strict, strict_json
from services.ingest.fields.channels import link_in, mail_in
from services.ingest.fields.cut import json_cut
from services.ingest.fields.html import from_text, plain
from services.ingest.fields.nace import nace
from services.ingest.fields.record import Notes, Record

_PLACE = re.compile(r"(?P<department>\d[\dAB]\d?) - (?P<town>.+)")
_QUARTER = re.compile(r" \d{1,2}(?:er?|e|ème)?(?: arrondissement)?$", re.IGNORECASE)
MONACO = "98"


def split(raw: bytes) -> Iterator[Item]:
    """An answer of the search, a list of offers, or one alone."""
    return json_cut(raw, ("resultats",), ("id", "intitule"), lambda offer: offer.get("id"))


def normalise(body: str, now: datetime) -> Reading:
    """One offer. It has no status and no end: what is over is absent from the next pull."""
    offer = Record(strict_json.json_record(body), Notes())
    identifier = strict.external_id(offer.value("/id"), "/id")
    title = plain(offer.text("/intitule"))
    if not title:
        raise Flaw("title-missing", "/intitule", hint="an offer needs a title")
    html, text = from_text(offer.text("/description", 100_000) or "")
    published, updated = offer.read("/dateCreation", dates.instant), offer.read("/dateActualisation", dates.instant)
    vacancy = v.Vacancy(
        origin=v.Origin(external_id=identifier, url=offer.read("/origineOffre/urlOrigine", strict.web_address)),
        profiles=(v.Profile(title=title, html=html, text=text),),
        employer=_employer(offer),
        locations=_locations(offer),
        offering=fr_terms.offering(offer),
        schedule=offer.read("/dureeTravailLibelleConverti", fr_terms.schedule),
        positions=offer.read("/nombrePostes", codes.posts),
        published=offer.notes.keep(dates.not_after(published, now, "/dateCreation")),
        updated=offer.notes.keep(dates.not_after(updated, now, "/dateActualisation")),
        pay=fr_terms.pay(offer),
        education=fr_terms.education(offer),
        experience=fr_terms.experience(offer),
        licences=fr_terms.licences(offer),
        languages=fr_terms.languages(offer),
        nace=offer.reads("/codeNAF", nace),
        programmes=("disability-friendly",) if offer.flag("/accessibleTH") else (),
        apply=_apply(offer),
        contacts=_contacts(offer),
        occupations=_occupations(offer),
        demonstration=offer.flag("/demonstration") or False,
        extra=_remainder(offer),
    )
    return Reading(vacancy, warnings=tuple(offer.notes.reasons))


def _employer(offer: Record) -> v.Employer:
    return v.Employer(
        name=plain(offer.text("/entreprise/nom")),
        website=offer.read("/entreprise/url", strict.web_address),
        description=offer.text("/entreprise/description", 100_000),
    )


def _locations(offer: Record) -> tuple[v.Location, ...]:
    """`06 - CANNES` is a town behind its department; other labels name a region, or a country."""
    label = offer.text("/lieuTravail/libelle")
    lat, lon = codes.coordinates(
        offer.notes, "/lieuTravail", offer.text("/lieuTravail/latitude"), offer.text("/lieuTravail/longitude")
    )
    found = _PLACE.fullmatch(label or "")
    country = codes.country_named(label or "", "fr")
    place = v.Location(
        country="MC" if found and found["department"] == MONACO else country or ("FR" if label else None),
        postcode=offer.text("/lieuTravail/codePostal", 20),
        city=_QUARTER.sub("", found["town"])[:200] if found else None,
        address=None if found or country else label,
        lat=lat,
        lon=lon,
    )
    return () if place == v.Location() else (place,)


def _occupations(offer: Record) -> tuple[v.OccupationCode, ...]:
    code = offer.text("/romeCode", 200)
    return (v.OccupationCode(scheme="ROME", version="4", code=code, label=offer.text("/romeLibelle")),) if code else ()


def _apply(offer: Record) -> v.Apply:
    """The members for an address hold whole sentences."""
    pointers = ("/contact/courriel", "/contact/coordonnees1", "/contact/coordonnees2", "/contact/coordonnees3")
    told = "\n".join(filter(None, map(offer.text, pointers)))
    url = offer.read("/contact/urlPostulation", strict.web_address) or link_in(told, offer.notes, "/contact")
    return v.Apply(url=url, email=mail_in(told, offer.notes, "/contact"), instructions=told or None)


def _contacts(offer: Record) -> tuple[v.Contact, ...]:
    person = v.Contact(name=offer.text("/contact/nom"), phone=offer.text("/contact/telephone"))
    return () if person == v.Contact() else (person,)


def _remainder(offer: Record) -> dict[str, object]:
    kept = offer.stated(
        appellation="/appellationlibelle",
        contract="/typeContratLibelle",
        contract_nature="/natureContrat",
        hours="/dureeTravailLibelle",
        qualification="/qualificationLibelle",
        travel="/deplacementLibelle",
        municipality_code="/lieuTravail/commune",
    )
    for name, pointer in (("skills", "/competences"), ("training", "/formations")):
        told = [one.first("/libelle", "/domaineLibelle", "/commentaire") for one in offer.each(pointer)]
        if labels := [label for label in told if label]:
            kept[name] = labels
    return kept


FEED = Feed(
    name="fr_francetravail",
    title="France: France Travail",
    country="FR",
    media_types=("application/json", "application/x-ndjson"),
    split=split,
    normalise=normalise,
    documentation=(
        "Offers as version 2 of the API of France Travail shows them: an answer with resultats, a list, one alone, or "
        "one on each line. The field id is the identifier. An offer has no end; it is open until a snapshot lacks it. "
        "Pay is read where the agency formulated it (Mensuel de ... Euros); net amounts stay as they are written."
    ),
)
