"""Finland: notices of Työmarkkinatori, the public job market, from its interface for partners."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from schemas import vacancy as v
from services.ingest.feed import Feed, Flaw, Item, Reading
from services.ingest.fields import codes, dates, strict, strict_json
from services.ingest.fields.channels import website
from services.ingest.fields.cut import json_cut
from services.ingest.fields.esco import coded
from services.ingest.fields.html import from_text, plain
from services.ingest.fields.pay import stated
from services.ingest.fields.record import Notes, Record

BASIC, SKILLS, PLACE, APPLYING = "/perustiedot", "/osaamisvaatimukset", "/sijainti", "/hakeminen"
WORK = f"{BASIC}/palvelussuhde/tyosuhde"
instant = partial(dates.instant, zone="Europe/Helsinki")
deadline = partial(dates.deadline, zone="Europe/Helsinki")
schedule = codes.listed({"01": v.Schedule.PART_TIME, "02": v.Schedule.FULL_TIME})
offering = codes.listed({"01": v.Offering.DIRECT_HIRE, "02": v.Offering.TEMPORARY})
ESCO = "ESCO"


def split(raw: bytes) -> Iterator[Item]:
    """A page of notices, a list, one alone, or one on each line."""
    return json_cut(raw, ("ilmoitukset",), ("ilmoituksenID", "perustiedot"), lambda found: found.get("ilmoituksenID"))


def normalise(body: str, now: datetime) -> Reading:
    """One notice. Its texts are lists with one entry a language."""
    notice = Record(strict_json.json_record(body), Notes())
    identifier = strict.external_id(notice.value("/ilmoituksenID"), "/ilmoituksenID")
    published = notice.read("/julkaisupvm", instant) or notice.read("/luontipvm", instant)
    updated = notice.read("/muokattupvm", instant)
    vacancy = v.Vacancy(
        origin=v.Origin(external_id=identifier),
        profiles=_profiles(notice),
        employer=_employer(notice),
        locations=_locations(notice),
        offering=_offering(notice),
        schedule=notice.read(f"{BASIC}/tyoAika", schedule),
        positions=notice.read(f"{BASIC}/paikkojenMaara", codes.posts),
        start_text=_in_one(notice, f"{BASIC}/tyoAlkaaLisatieto", 500),
        apply_by=notice.read(f"{APPLYING}/hakuaikaPaattyy", deadline),
        published=notice.notes.keep(dates.not_after(published, now, "/julkaisupvm")),
        updated=notice.notes.keep(dates.not_after(updated, now, "/muokattupvm")),
        pay=stated(source_text=_in_one(notice, f"{BASIC}/palkanLisatieto", 500)),
        licences=notice.reads(f"{SKILLS}/ajokortti/vaaditutAjokorttiluokat", codes.licence),
        languages=_languages(notice),
        working_languages=notice.reads("/tyoKielet", codes.language),
        apply=_apply(notice),
        contacts=_contacts(notice),
        occupations=_occupations(notice),
        demonstration=notice.flag("/demonstration") or False,
        extra=_remainder(notice),
    )
    return Reading(vacancy, warnings=tuple(notice.notes.reasons))


def _texts(notice: Record, pointer: str, limit: int) -> dict[str | None, str]:
    """A text by its language, in the order given."""
    found: dict[str | None, str] = {}
    for one in notice.each(pointer):
        if text := one.text("/arvo", limit):
            found.setdefault(one.read("/kieliKoodi", codes.language), text)
    return found


def _in_one(notice: Record, pointer: str, limit: int) -> str | None:
    return next(iter(_texts(notice, pointer, limit).values()), None)


def _profiles(notice: Record) -> tuple[v.Profile, ...]:
    titles = _texts(notice, f"{BASIC}/tyonOtsikko", 500)
    summaries, descriptions = (_texts(notice, f"{BASIC}/{name}", 100_000) for name in ("tyonTiivistelma", "tyonKuvaus"))
    profiles = []
    for language, written in titles.items():
        parts = (summaries.get(language), descriptions.get(language))
        html, text = from_text("\n\n".join(filter(None, parts)))
        if title := plain(written):
            profiles.append(v.Profile(language=language, title=title, html=html, text=text))
    if not profiles:
        raise Flaw("title-missing", f"{BASIC}/tyonOtsikko", hint="a notice needs a title")
    return tuple(profiles[:30])


def _employer(notice: Record) -> v.Employer:
    name = _in_one(notice, "/ilmoittajanNimi", 500)
    return v.Employer(name=plain(name), legal_id=notice.text("/ilmoittajanYTunnus"))


def _locations(notice: Record) -> tuple[v.Location, ...]:
    """The workplace; municipalities are kept by their numbers, for which no names are given."""
    at = f"{PLACE}/toimipaikka"
    abroad = notice.reads(f"{PLACE}/maa", codes.country)
    home = v.Location(
        country="FI" if not abroad else None,
        postcode=notice.text(f"{at}/postinumero", 20),
        city=notice.text(f"{at}/postitoimipaikka", 200),
        address=notice.text(f"{at}/postiosoite"),
    )
    if len(abroad) == 1:
        return (home.model_copy(update={"country": abroad[0]}),)
    return tuple(v.Location(country=country) for country in abroad) or (home,)


def _offering(notice: Record) -> v.Offering | None:
    """A contract for trainees, or for good or a time."""
    if notice.flag(f"{WORK}/oppisopimus"):
        return v.Offering.APPRENTICESHIP
    if notice.flag(f"{WORK}/tyoharjoittelu"):
        return v.Offering.INTERNSHIP
    if notice.flag(f"{BASIC}/kutsutaanTarvittaessa"):
        return v.Offering.ON_CALL
    return notice.read(f"{BASIC}/tyonJatkuvuus", offering)


def _languages(notice: Record) -> tuple[v.LanguageSkill, ...]:
    found: dict[str, v.LanguageSkill] = {}
    for one in notice.each(f"{SKILLS}/kielitaidot"):
        if code := one.read("/kielitaito", codes.language):
            found.setdefault(code, v.LanguageSkill(language=code, level=one.read("/kielitaidonTaso", codes.cefr)))
    return tuple(found.values())


def _apply(notice: Record) -> v.Apply:
    return v.Apply(
        url=notice.read(f"{APPLYING}/hakulomakkeenUrl", website),
        instructions=_in_one(notice, f"{APPLYING}/hakuohjeet", 50_000),
    )


def _contacts(notice: Record) -> tuple[v.Contact, ...]:
    people = (
        v.Contact(
            name=" ".join(filter(None, (one.text("/etunimi"), one.text("/sukunimi")))) or None,
            email=one.read("/sposti", strict.mailbox),
            phone=one.text("/puhelinNro"),
        )
        for one in notice.each(f"{APPLYING}/ilmoittajanYhteystiedot")
    )
    return tuple(dict.fromkeys(one for one in people if one != v.Contact()))


def _occupations(notice: Record) -> tuple[v.OccupationCode, ...]:
    found = (coded(uri) for uri in _classified(notice, "ammatit"))
    return tuple(dict.fromkeys(code for code in found if code))


def _classified(notice: Record, kind: str) -> list[str]:
    listed = notice.each(f"{SKILLS}/{kind}")
    uris = (one.text("/luokiteltuArvo", 200) for one in listed if one.text("/luokittelunNimi") == ESCO)
    return [uri for uri in uris if uri]


def _remainder(notice: Record) -> dict[str, object]:
    kept: dict[str, object] = {
        "municipality_codes": notice.texts(f"{PLACE}/kunta"),
        "region_codes": notice.texts(f"{PLACE}/maakunta"),
        "esco_skills": _classified(notice, "osaamiset"),
        "agency_work": notice.flag(f"{WORK}/vuokratyo"),
    }
    return {name: value for name, value in kept.items() if value}


FEED = Feed(
    name="fi_tmt",
    title="Finland: Työmarkkinatori",
    country="FI",
    media_types=("application/json", "application/x-ndjson"),
    split=split,
    normalise=normalise,
    documentation=(
        "Notices as Työmarkkinatori shows them to partners: a page with ilmoitukset, a list, one alone, or one on each "
        "line. ilmoituksenID is the identifier; each text comes once in each language. Occupations and skills are URIs "
        "of ESCO as the employer chose them."
    ),
)
