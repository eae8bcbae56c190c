"""vacancy.normalised -> vacancy.matched: language, occupations, places. Stateless, so a replay comes out the same."""

from collections.abc import Sequence

from pendler.bus import Bus
from pendler.esco import Pack, lexicon
from pendler.places import Places, open_places
from pendler.service import Fact, Handler, Result, Service
from pendler.service import later as _
from pendler.settings import Settings
from schemas.event import Erased, VacancyMatched, VacancyNormalised
from schemas.vacancy import Derived, Location, OccupationCode, Place, Vacancy
from services.match.language import language_of
from services.match.occupations import classify

KEPT = 5


def from_settings(settings: Settings, bus: Bus) -> Service:  # noqa: ARG001 - match needs no bus of its own
    return build(lexicon(), open_places(settings.places))


def build(pack: Pack, places: Places) -> Service:
    async def on_normalised(facts: Sequence[Fact]) -> Result:
        return Result([matched(fact, pack, places) for fact in facts])

    return Service(
        "match",
        title=_("Occupations, languages and places"),
        delayed=_("New vacancies wait for their codes and places."),
        handlers={VacancyNormalised: Handler(on_normalised, size=300)},
        emits=[VacancyMatched],
    )


def matched(fact: VacancyNormalised | Erased, pack: Pack, places: Places) -> VacancyMatched | Erased:
    """The vacancy with what follows from it and from this pack."""
    if isinstance(fact, Erased):
        return Erased(fact.ref, VacancyMatched.topic.name)
    derived = derive(fact.vacancy, pack, places) if fact.vacancy else _of_stub(fact, pack, places)
    state = {name: getattr(fact, name) for name in VacancyNormalised.model_fields}
    return VacancyMatched.model_construct(**state | {"enrichment": pack.number, "derived": derived})


def derive(vacancy: Vacancy, pack: Pack, places: Places) -> Derived:
    """Language, occupations and places of an open vacancy."""
    languages = [language_of(profile) for profile in vacancy.profiles]
    titles = [(language, profile.title) for language, profile in zip(languages, vacancy.profiles, strict=True)]
    return Derived(
        language=languages[0],
        occupations=tuple(classify(titles, vacancy.occupations, pack, KEPT)),
        places=tuple(_placed(vacancy.locations, places)),
    )


def _of_stub(fact: VacancyNormalised, pack: Pack, places: Places) -> Derived:
    codes: Sequence[OccupationCode] = fact.stub.occupations if fact.stub else ()
    locations = fact.stub.locations if fact.stub else ()
    return Derived(occupations=tuple(classify([], codes, pack, KEPT)), places=tuple(_placed(locations, places)))


def _placed(locations: Sequence[Location], places: Places) -> list[Place]:
    return [place_of(location, places) for location in locations]


def place_of(location: Location, places: Places) -> Place:
    """Where a stated location is: what the source says first, then what its postcode and town tell."""
    found = places.locate(location.country, location.postcode, location.city)
    stated = location.nuts if location.nuts and len(location.nuts) == 5 else None
    exact = location.lat is not None and location.lon is not None
    return Place(
        country=location.country,
        nuts=stated or (found.nuts if found else None) or location.nuts,
        nuts_version=None if stated or not found else found.nuts_version,
        lat=location.lat if exact else found.lat if found else None,
        lon=location.lon if exact else found.lon if found else None,
        name=location.city,
        method="stated" if exact or (stated and not found) else found.method if found else "country",
        radius_km=0.0 if exact else found.radius_km if found else None,
    )
