"""The pieces of a Swedish advertisement: codes and labels of the agency's taxonomy, place, wishes, how to apply."""

from schemas import vacancy as v
from services.ingest.fields import codes, strict
from services.ingest.fields.html import plain
from services.ingest.fields.record import Record

offering = codes.listed(
    {
        "vanlig anställning": v.Offering.DIRECT_HIRE,
        "tillsvidareanställning (inkl. eventuell provanställning)": v.Offering.DIRECT_HIRE,
        "tidsbegränsad anställning": v.Offering.TEMPORARY,
        "vikariat": v.Offering.TEMPORARY,
        "sommarjobb / feriejobb": v.Offering.SEASONAL,
        "säsongsanställning": v.Offering.SEASONAL,
        "behovsanställning": v.Offering.ON_CALL,
        "arbete utomlands": None,
    }
)
"""The kind of post, by its Swedish label; a post abroad may be of any kind."""
schedule = codes.listed({"1": v.Schedule.FULL_TIME, "2": v.Schedule.PART_TIME, "3": v.Schedule.ANY})
"""Full or part time, by the agency's number."""
SWEDEN = "199"
COUNTRIES = {"storbritannien och nordirland": "UK"}
PLACE = "/workplace_address"
KINDS = ("must_have", "nice_to_have")
TERM = ("concept_id", "legacy_ams_taxonomy_id", "label")
WISHES = ("skills", "languages", "work_experiences", "education", "education_level")
WITHOUT_A_FIELD = {
    "external_id": "/external_id",
    "original_id": "/original_id",
    "source_type": "/source_type",
    "workplace": "/employer/workplace",
    "municipality_code": f"{PLACE}/municipality_code",
    "duration": "/duration/label",
    "salary_type": "/salary_type/label",
    "conditions": "/description/conditions",
    "needs": "/description/needs",
    "requirements": "/description/requirements",
    "reference": "/application_details/reference",
}
FLAGS = ("driving_license_required", "access_to_own_car")


def employer(ad: Record) -> v.Employer:
    """Who offers the post."""
    return v.Employer(
        name=plain(ad.text("/employer/name")),
        legal_id=ad.text("/employer/organization_number"),
        website=ad.read("/employer/url", strict.web_address),
        description=ad.text("/description/company_information", 100_000),
    )


def locations(ad: Record) -> tuple[v.Location, ...]:
    """The place of work."""
    city, town = ad.text(f"{PLACE}/city", 200), ad.text(f"{PLACE}/municipality", 200)
    street, postcode = ad.text(f"{PLACE}/street_address"), ad.text(f"{PLACE}/postcode", 20)
    if street and street.lower().startswith("box ") and town and town.lower() != (city or "").lower():
        # A box is where the employer gets mail: its postcode is not that of the place of work.
        city, postcode, street = town, None, None
    lat, lon = _coordinates(ad)
    place = v.Location(country=_country(ad), postcode=postcode, city=city or town, address=street, lat=lat, lon=lon)
    return () if place == v.Location() else (place,)


def _country(ad: Record) -> str | None:
    code, name = ad.text(f"{PLACE}/country_code"), ad.text(f"{PLACE}/country")
    if code == SWEDEN or not (code or name):
        return "SE" if code else None
    found = COUNTRIES.get((name or "").casefold()) or codes.country_named(name or "", "sv")
    if not found:
        ad.notes.keep((None, codes.unknown(name or code, f"{PLACE}/country", "a country by its Swedish name")))
    return found


def _coordinates(ad: Record) -> tuple[float | None, float | None]:
    at = f"{PLACE}/coordinates"
    stated = ad.value(at)
    if stated in (None, [], [None, None]):
        return None, None
    lon, lat = stated if isinstance(stated, list) and len(stated) == 2 else ("?", "?")
    return codes.coordinates(ad.notes, at, str(lat), str(lon))


def experience(ad: Record) -> v.Experience | None:
    """Whether experience is asked for, and in which occupations."""
    labels = (wish.text("/label") for wish in ad.each("/must_have/work_experiences"))
    described = ad.notes.line(", ".join(filter(None, labels)), "/must_have/work_experiences")
    result = v.Experience(required=ad.flag("/experience_required"), description=described)
    return None if result == v.Experience() else result


def licences(ad: Record) -> tuple[str, ...]:
    """The driving licences asked for."""
    found = (licence.read("/label", codes.licence) for licence in ad.each("/driving_license"))
    return tuple(dict.fromkeys(category for category in found if category))


def languages(ad: Record) -> tuple[v.LanguageSkill, ...]:
    """The languages that have a code of two letters; the others are kept with the remainder."""
    skills: dict[str, v.LanguageSkill] = {}
    for kind in KINDS:
        for code in filter(None, map(_language, ad.each(f"/{kind}/languages"))):
            skills.setdefault(code, v.LanguageSkill(language=code, required=kind == "must_have"))
    return tuple(skills.values())


def _language(wish: Record) -> str | None:
    return codes.language_named(wish.text("/label") or "", "sv")


def occupations(ad: Record) -> tuple[v.OccupationCode, ...]:
    """The occupation in the agency's taxonomy and its group in SSYK 2012, whose digits are not those of ISCO-08."""
    found = (
        _occupation(ad, "/occupation/concept_id", "JobTech")
        or _occupation(ad, "/occupation/legacy_ams_taxonomy_id", "AMS"),
        _occupation(ad, "/occupation_group/legacy_ams_taxonomy_id", "SSYK-2012"),
    )
    return tuple(code for code in found if code)


def _occupation(ad: Record, pointer: str, scheme: str) -> v.OccupationCode | None:
    code, label = ad.text(pointer, 200), ad.text(f"{pointer.rpartition('/')[0]}/label")
    version = "2012" if scheme == "SSYK-2012" else None
    return v.OccupationCode(scheme=scheme, version=version, code=code, label=label) if code else None


def apply(ad: Record) -> v.Apply:
    """How to apply."""
    told = (ad.text(f"/application_details/{name}", 50_000) for name in ("information", "other"))
    return v.Apply(
        url=ad.read("/application_details/url", strict.web_address),
        email=ad.read("/application_details/email", strict.mailbox),
        instructions="\n\n".join(filter(None, told)) or None,
    )


def contacts(ad: Record) -> tuple[v.Contact, ...]:
    """The people to ask, and the employer's own number and address."""
    people = [
        v.Contact(name=one.text("/name"), email=one.read("/email", strict.mailbox), phone=one.text("/telephone"))
        for one in ad.each("/application_contacts")
    ]
    office = v.Contact(email=ad.read("/employer/email", strict.mailbox), phone=ad.text("/employer/phone_number"))
    return tuple(dict.fromkeys(one for one in (*people, office) if one != v.Contact()))


def remainder(ad: Record) -> dict[str, object]:
    """What is stated and has no field."""
    label = ad.value("/label")
    kept: dict[str, object] = {name: ad.text(pointer, 20_000) for name, pointer in WITHOUT_A_FIELD.items()}
    kept |= {name: ad.flag(f"/{name}") for name in FLAGS}
    kept |= {kind: _wishes(ad, kind) for kind in KINDS}
    kept["label"] = (
        [strict.clean(text, 200) for text in label if isinstance(text, str)] if isinstance(label, list) else None
    )
    return {name: value for name, value in kept.items() if value}


def _wishes(ad: Record, kind: str) -> dict[str, list[dict[str, str]]]:
    found = {
        name: [
            {member: text for member in TERM if (text := wish.text(f"/{member}"))}
            for wish in ad.each(f"/{kind}/{name}")
            if name != "languages" or not _language(wish)
        ]
        for name in WISHES
    }
    return {name: wishes for name, wishes in found.items() if wishes}
