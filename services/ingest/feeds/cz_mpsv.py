"""Czechia: vacancies of the Labour Office, from the open data of the Ministry of Labour and Social Affairs."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from schemas import vacancy as v
from services.ingest.feed import Feed, Flaw, Item, Reading
from services.ingest.fields import codes, dates, strict, strict_json
from services.ingest.fields.channels import website
from services.ingest.fields.cut import json_cut
from services.ingest.fields.html import from_text, plain
from services.ingest.fields.pay import between, stated
from services.ingest.fields.record import Notes, Record

PLACE = "/mistoVykonuPrace"
deadline = partial(dates.deadline, zone="Europe/Prague")
SCHEDULES = {"plny": v.Schedule.FULL_TIME, "zkraceny": v.Schedule.PART_TIME}
INTERVALS = {"mesic": v.Interval.MONTH, "hod": v.Interval.HOUR}
LEVELS = codes.listed(
    {
        "bezvzdel": "ISCED0",
        "neuplzakl": "ISCED1",
        "zakl": "ISCED2",
        "zaklpraktskol": "ISCED2",
        "nizsistred": "ISCED3",
        "nizsistredodbor": "ISCED3",
        "stredodborvyuc": "ISCED3",
        "stredodbor": "ISCED3",
        "usv": "ISCED3",
        "usosmat": "ISCED3",
        "usosmatvyuc": "ISCED3",
        "vyssiodbor": "ISCED5",
        "bakalar": "ISCED6",
        "vysokoskol": "ISCED7",
        "doktor": "ISCED8",
    }
)
LANGUAGES = {"anj": "en", "nej": "de", "frj": "fr", "rusj": "ru", "spj": "es", "itj": "it", "poj": "pl", "ukr": "uk"}


def split(raw: bytes) -> Iterator[Item]:
    """The whole register: a list, with or without `polozky` around it, or one vacancy alone."""
    return json_cut(raw, ("polozky",), ("portalId", "pozadovanaProfese"), lambda found: found.get("portalId"))


def normalise(body: str, now: datetime) -> Reading:
    """One vacancy; its members refer to code lists as `List/code`."""
    found = Record(strict_json.json_record(body), Notes())
    identifier = strict.external_id(found.value("/portalId"), "/portalId")
    title = plain(found.text("/pozadovanaProfese/cs"))
    if not title:
        raise Flaw("title-missing", "/pozadovanaProfese/cs", hint="a vacancy needs an occupation")
    html, text = from_text(found.text("/upresnujiciInformace/cs", 100_000) or "")
    published, updated = found.read("/datumVlozeni", dates.instant), found.read("/datumZmeny", dates.instant)
    status, because = _status(found)
    vacancy = v.Vacancy(
        origin=v.Origin(external_id=identifier),
        profiles=(v.Profile(language="cs", title=title, html=html, text=text),),
        employer=v.Employer(
            name=plain(found.text("/zamestnavatel/nazev")),
            legal_id=found.text("/zamestnavatel/ico"),
            website=found.read("/urlAdresa", website),
        ),
        locations=_locations(found),
        schedule=_schedule(found),
        positions=found.read("/pocetMist", codes.posts),
        start=found.read("/terminZahajeniPracovnihoPomeru", dates.day),
        published=found.notes.keep(dates.not_after(published, now, "/datumVlozeni")),
        updated=found.notes.keep(dates.not_after(updated, now, "/datumZmeny")),
        expires=found.read("/expirace", deadline),
        pay=_pay(found),
        education=_education(found),
        languages=_languages(found),
        eures_flag=_code(found, "/zverejnovat/id") == "anoeu",
        contacts=_contacts(found),
        occupations=_occupations(found),
        demonstration=found.flag("/demonstration") or False,
        extra=_remainder(found),
    )
    return Reading(vacancy, status, because, tuple(found.notes.reasons))


def _code(found: Record, pointer: str) -> str | None:
    """What stands behind the slash of a reference."""
    return (found.text(pointer) or "").rpartition("/")[2] or None


def _status(found: Record) -> tuple[v.Status, str | None]:
    if _code(found, "/zverejnovat/id") == "ne":
        return v.Status.WITHDRAWN, "not for the public"
    return v.Status.ACTIVE, None


def _locations(found: Record) -> tuple[v.Location, ...]:
    """The workplaces by postcode and street; where only a municipality is coded, the workplace by its name."""
    places = [_location(one) for one in found.each(f"{PLACE}/pracoviste")]
    elsewhere = found.text(f"{PLACE}/adresaText")
    if elsewhere or not places:
        places.append(v.Location(country="CZ", address=elsewhere))
    return tuple(dict.fromkeys(places))[:100]


def _location(one: Record) -> v.Location:
    number = "/".join(filter(None, (one.text("/adresa/cisloDomovni"), one.text("/adresa/cisloOrientacni"))))
    street = " ".join(filter(None, (one.text("/adresa/ulice/nazev"), number)))
    written = one.text("/adresa/dodatekAdresy") or street or one.text("/nazev")
    return v.Location(country="CZ", postcode=one.text("/adresa/psc", 20), address=written)


def _contracts(found: Record) -> list[str]:
    return list(filter(None, (_code(one, "/id") for one in found.each("/pracovnePravniVztahy"))))


def _schedule(found: Record) -> v.Schedule | None:
    """Full or part time; the two agreements on work of a few hours are part time."""
    schedules = {SCHEDULES.get(name, v.Schedule.PART_TIME) for name in _contracts(found) if name != "sluzebni"}
    return v.Schedule.ANY if len(schedules) > 1 else next(iter(schedules), None)


def _pay(found: Record) -> v.Pay | None:
    """The members are named after the month, also where the pay is for an hour."""
    low, high = between(found.notes, "/mesicniMzdaOd", (found.text("/mesicniMzdaOd"), found.text("/mesicniMzdaDo")))
    return stated(low, high, "CZK", INTERVALS.get(_code(found, "/typMzdy/id") or ""))


def _education(found: Record) -> tuple[str, ...]:
    level = found.notes.keep(LEVELS(_code(found, "/minPozadovaneVzdelani/id"), "/minPozadovaneVzdelani/id"))
    return (level,) if level else ()


def _languages(found: Record) -> tuple[v.LanguageSkill, ...]:
    named = (_code(one, "/jazyk/id") for one in found.each("/pozadovanaJazykovaZnalost"))
    listed = (LANGUAGES.get((name or "").casefold()) for name in named)
    return tuple(v.LanguageSkill(language=language) for language in dict.fromkeys(listed) if language)


def _contacts(found: Record) -> tuple[v.Contact, ...]:
    at = "/prvniKontaktSeZamestnavatelem/komuSeHlasit"
    names = filter(None, (found.text(f"{at}/jmeno"), found.text(f"{at}/prijmeni")))
    email = found.read(f"{at}/email", strict.mailbox)
    person = v.Contact(name=" ".join(names) or None, email=email, phone=found.text(f"{at}/telefon"))
    return () if person == v.Contact() else (person,)


def _occupations(found: Record) -> tuple[v.OccupationCode, ...]:
    """CZ-ISCO: five digits, of which the first four are those of ISCO-08."""
    code = _code(found, "/profeseCzIsco/id")
    if not code or not code.isascii() or not code.isdigit():
        return ()
    group = (v.OccupationCode(scheme="ISCO-08", version="2008", code=code[:4]),) if len(code) >= 4 else ()
    return (v.OccupationCode(scheme="CZ-ISCO", code=code), *group)


def _remainder(found: Record) -> dict[str, object]:
    kept = found.stated(reference="/referencniCislo", shift="/smennost/id", hours="/pocetHodinTydne")
    towns = [_code(one, "/adresa/obec/id") for one in found.each(f"{PLACE}/pracoviste")]
    kept["municipality_codes"] = list(dict.fromkeys(filter(None, (*towns, _code(found, f"{PLACE}/obec/id")))))
    kept["district_codes"] = list(filter(None, (_code(one, "/id") for one in found.each(f"{PLACE}/okresy"))))
    kept["contracts"] = _contracts(found)
    kept["until"] = found.text("/terminUkonceniPracovnihoPomeru")
    return {name: value for name, value in kept.items() if value}


FEED = Feed(
    name="cz_mpsv",
    title="Czechia: MPSV, Labour Office",
    country="CZ",
    media_types=("application/json", "application/x-ndjson"),
    split=split,
    normalise=normalise,
    documentation=(
        "The open data of the Czech Labour Office: the whole register as a list, with or without polozky around it, "
        "or one vacancy on each line. portalId is the identifier. A record may change without a new datumZmeny. "
        "Municipalities and districts are kept by their numbers in RÚIAN."
    ),
)
