"""Sweden: an advertisement in the agency's internal shape, with Swedish names, turned into that of its search API."""

from collections.abc import Mapping

MUST_HAVE = 10
_UNSPECIFIED_REGION = "90"


def is_internal(ad: Mapping[str, object]) -> bool:
    """Whether an advertisement has the agency's own names."""
    return "annonsId" in ad


def as_published(ad: Mapping[str, object]) -> dict[str, object]:
    """The same advertisement as the search API would show it; what it does not state is None there."""
    inexperienced = ad.get("ingenErfarenhetKravs")
    return {
        "id": ad.get("annonsId"),
        "headline": ad.get("annonsrubrik"),
        "description": _description(ad),
        "number_of_vacancies": ad.get("antalPlatser"),
        "employment_type": _term(ad, "anstallningTyp"),
        "working_hours_type": _term(ad, "arbetstidTyp"),
        "duration": _term(ad, "varaktighetTyp"),
        "salary_type": _term(ad, "lonTyp"),
        "salary_description": ad.get("lonebeskrivning"),
        "access": ad.get("tilltrade"),
        "employer": _employer(ad),
        "application_details": _application(ad),
        "application_contacts": [_contact(person) for person in _objects(ad, "kontaktpersoner")],
        "experience_required": None if inexperienced is None else inexperienced is not True,
        "access_to_own_car": ad.get("tillgangTillEgenBil"),
        "driving_license": [_label(licence) for licence in _objects(ad, "korkort")],
        "occupation": _term(ad, "yrkesroll"),
        "workplace_address": _address(_object(ad, "arbetsplatsadress")),
        "must_have": _wishes(ad, required=True),
        "nice_to_have": _wishes(ad, required=False),
        "publication_date": ad.get("publiceringsdatum"),
        "last_publication_date": ad.get("sistaPubliceringsdatum") or ad.get("expiresAt"),
        "application_deadline": ad.get("sistaAnsokningsdatum"),
        "removed": ad.get("avpublicerad"),
        "removed_date": ad.get("avpubliceringsdatum"),
        "timestamp": ad.get("updatedAt") or ad.get("uppdateradTid"),
        "source_type": ad.get("kallaTyp"),
        "demonstration": ad.get("demonstration"),
    }


def _description(ad: Mapping[str, object]) -> dict[str, object]:
    return {
        "text": ad.get("annonstext"),
        "text_formatted": ad.get("annonstextFormaterad"),
        "conditions": ad.get("villkorsbeskrivning"),
    }


def _employer(ad: Mapping[str, object]) -> dict[str, object]:
    return {
        "name": ad.get("arbetsgivareNamn"),
        "workplace": ad.get("arbetsplatsNamn"),
        "organization_number": ad.get("organisationsnummer"),
        "url": ad.get("webbadress"),
        "email": ad.get("epost"),
        "phone_number": ad.get("telefonnummer"),
    }


def _application(ad: Mapping[str, object]) -> dict[str, object]:
    return {
        "url": ad.get("ansokningssattWebbadress"),
        "email": ad.get("ansokningssattEpost"),
        "information": ad.get("informationAnsokningssatt"),
        "other": ad.get("ansokningssattAnnatSatt"),
        "reference": ad.get("referens"),
    }


def _address(place: Mapping[str, object]) -> dict[str, object]:
    country = _object(place, "land")
    return {
        "country_code": country.get("varde") or _sweden(place),
        "country": country.get("namn"),
        "municipality": _object(place, "kommun").get("namn"),
        "municipality_code": _object(place, "kommun").get("varde"),
        "region": _object(place, "lan").get("namn"),
        "region_code": _object(place, "lan").get("varde"),
        "street_address": place.get("gatuadress"),
        "postcode": place.get("postnr"),
        "city": place.get("postort"),
        "coordinates": [place.get("longitud"), place.get("latitud")],
    }


def _sweden(place: Mapping[str, object]) -> str | None:
    """A county or a municipality is stated by its Swedish code: that says the country too."""
    county, municipality = _object(place, "lan").get("varde"), _object(place, "kommun").get("varde")
    return "199" if municipality or county not in (None, _UNSPECIFIED_REGION) else None


def _wishes(ad: Mapping[str, object], *, required: bool) -> dict[str, object]:
    names = {
        "skills": "kompetenser",
        "languages": "sprak",
        "work_experiences": "yrkeserfarenheter",
        "education": "utbildningsinriktning",
        "education_level": "utbildningsniva",
    }
    return {
        name: [_label(wish) for wish in _objects(ad, internal) if (wish.get("vikt") == MUST_HAVE) is required]
        for name, internal in names.items()
    }


def _contact(person: Mapping[str, object]) -> dict[str, object]:
    names = (person.get("fornamn"), person.get("efternamn"))
    return {
        "name": " ".join(name for name in names if isinstance(name, str)),
        "email": person.get("epost"),
        "telephone": person.get("telefonnummer") or person.get("mobilnummer"),
    }


def _term(ad: Mapping[str, object], name: str) -> dict[str, object]:
    return _label(_object(ad, name))


def _label(term: Mapping[str, object]) -> dict[str, object]:
    return {"label": term.get("namn"), "legacy_ams_taxonomy_id": term.get("varde")}


def _object(ad: Mapping[str, object], name: str) -> Mapping[str, object]:
    return next(iter(_objects(ad, name)), {})


def _objects(ad: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    found = ad.get(name)
    return [each for each in (found if isinstance(found, list) else [found]) if isinstance(each, Mapping)]
