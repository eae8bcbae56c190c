"""The pieces of a Norwegian advertisement: NAV's words for kinds of posts, places, STYRK-08 and industries."""

import re

import orjson

from schemas import vacancy as v
from services.ingest.fields import codes
from services.ingest.fields.nace import nace
from services.ingest.fields.record import Record

offering = codes.listed(
    {
        "fast": v.Offering.DIRECT_HIRE,
        "vikariat": v.Offering.TEMPORARY,
        "engasjement": v.Offering.TEMPORARY,
        "prosjekt": v.Offering.TEMPORARY,
        "åremål": v.Offering.TEMPORARY,
        "sesong": v.Offering.SEASONAL,
        "feriejobb": v.Offering.SEASONAL,
        "trainee": v.Offering.INTERNSHIP,
        "lærling": v.Offering.APPRENTICESHIP,
        "selvstendig næringsdrivende": v.Offering.SELF_EMPLOYED,
        "frivillig": v.Offering.VOLUNTEER,
        "annet": None,
        "åpen for alle typer": None,
    }
)
schedule = codes.listed(
    {
        "heltid": v.Schedule.FULL_TIME,
        "deltid": v.Schedule.PART_TIME,
        "heltid_og_deltid": v.Schedule.ANY,
        "heltid/deltid": v.Schedule.ANY,
    }
)
remote = codes.listed({"hjemmekontor": True, "hjemmekontor ikke mulig": False, "hybridkontor": None})
STYRK = {"STYRK08NAV": "NAV", "STYRK08": "2008"}
"""The lists a category may come from and their versions; NAV's own has more digits, behind a dot."""
_GROUP = re.compile(r"(\d{4})(?:\.?\d{1,4})?")
_SMALL = 10_000


def locations(ad: Record) -> tuple[v.Location, ...]:
    """The places of work; `location` repeats the first of the list, and stands alone where there is none."""
    listed = ad.each("/locationList") or [Record(place, ad.notes, "/location") for place in _objects(ad, "/location")]
    found = dict.fromkeys(map(_location, listed))
    return tuple(place for place in found if place != v.Location())[:100]


def _objects(ad: Record, pointer: str) -> list[dict[str, object]]:
    found = ad.value(pointer)
    return [found] if isinstance(found, dict) else []


def _location(place: Record) -> v.Location:
    lat, lon = codes.coordinates(place.notes, place.at, place.text("/latitude"), place.text("/longitude"))
    city = place.text("/city", 200) or place.text("/municipal", 200)
    postcode = place.text("/postalCode", 20)
    return v.Location(
        country=_country(place, known=bool(postcode or place.text("/municipalCode"))),
        postcode=postcode,
        city=city or place.text("/county", 200),
        address=place.text("/address"),
        lat=lat,
        lon=lon,
    )


def _country(place: Record, known: bool) -> str | None:
    """By its Norwegian name; a place with a Norwegian postcode or municipality and no country is in Norway."""
    written = place.text("/country")
    if not written:
        return "NO" if known else None
    found = codes.country_named(written, "nb") or codes.country(written, "")[0]
    if not found:
        place.notes.keep((None, codes.unknown(written, f"{place.at}/country", "a country by its Norwegian name")))
    return found


def municipalities(ad: Record) -> list[str]:
    """The numbers of the municipalities, of the year of the advertisement."""
    return list(dict.fromkeys(filter(None, (place.text("/municipalCode", 20) for place in ad.each("/locationList")))))


def occupations(ad: Record) -> tuple[v.OccupationCode, ...]:
    """Each category as it is coded, and its ISCO-08 group where it has four digits."""
    found: dict[v.OccupationCode, None] = {}
    for category in ad.each("/categoryList"):
        code, listed = category.text("/code", 200), category.text("/categoryType")
        if not code:
            continue
        if listed not in STYRK:
            ad.notes.warn("scheme-missing", f"{category.at}/categoryType", listed, f"one of {', '.join(STYRK)}")
            continue
        label = category.text("/name")
        found[v.OccupationCode(scheme="STYRK-08", version=STYRK[listed], code=code, label=label)] = None
        if group := _GROUP.fullmatch(code):
            found[v.OccupationCode(scheme="ISCO-08", version="2008", code=group[1])] = None
    return tuple(found)


def industries(ad: Record) -> tuple[str, ...]:
    """The employer's, a list in some advertisements and in others a text that holds one."""
    pointer = "/employer/properties/nace2"
    stated = ad.value(pointer)
    if isinstance(stated, str) and len(stated) < _SMALL:
        try:
            stated = orjson.loads(stated)
        except orjson.JSONDecodeError:
            ad.notes.warn("json-syntax", pointer, stated, "a list of codes")
    entries = stated if isinstance(stated, list) else []
    listed = (one.get("code") for one in entries if isinstance(one, dict))
    found = (ad.notes.keep(nace(code, pointer)) for code in listed if isinstance(code, str))
    return tuple(dict.fromkeys(code for code in found if code))
