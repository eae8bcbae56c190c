"""vacancy.normalised -> vacancy.matched: language, occupations, places. Stateless, so a replay comes out the same.

Then vacancy.matched -> vacancy.clustered, which has a store of its own.
"""

from collections.abc import Sequence

from pendler.bus import Bus
from pendler.esco.stored import Stored, current
from pendler.places import Located, Places, open_places
from pendler.service import Fact, Handler, Result, Service
from pendler.service import later as _
from pendler.settings import Settings
from pendler.store import Store, open_store
from schemas.event import Erased, VacancyClustered, VacancyMatched, VacancyNormalised
from schemas.vacancy import Derived, Location, Place, Stub, Vacancy
from services.match import clusters
from services.match.coding import Asked, Coder, open_coder
from services.match.language import language_of

KEPT = 5


def from_settings(settings: Settings, bus: Bus) -> Service:  # noqa: ARG001 - match needs no bus of its own
    pack = current(settings.home)
    coder = open_coder(pack.folder if isinstance(pack, Stored) else None)
    return build(coder, open_places(settings.places), open_store(settings.url_of("store"), "match"))


def build(coder: Coder, places: Places, store: Store) -> Service:
    async def on_normalised(facts: Sequence[Fact]) -> Result:
        return Result(matched(facts, coder, places))

    return Service(
        "match",
        title=_("Occupations, languages and places"),
        delayed=_("New vacancies wait for their codes and places."),
        handlers={VacancyNormalised: Handler(on_normalised, size=300), VacancyMatched: clusters.handler(store)},
        emits=[VacancyMatched, VacancyClustered],
        checks={"store": store.check},
        close=store.close,
    )


def matched(facts: Sequence[Fact], coder: Coder, places: Places) -> list[VacancyMatched | Erased]:
    """Each vacancy with what follows from it and from this pack; occupations are coded for the whole batch at once."""
    given = [fact for fact in facts if isinstance(fact, VacancyNormalised)]
    languages = [_languages(fact.vacancy) for fact in given]
    asked = [_asked(fact, some) for fact, some in zip(given, languages, strict=True)]
    derived = {
        id(fact): Derived(
            language=next(iter(some), None),
            occupations=tuple(occupations),
            places=tuple(place_of(at, places, next(iter(some), None)) for at in _stated(fact).locations),
        )
        for fact, some, occupations in zip(given, languages, coder.classify(asked, KEPT), strict=True)
    }
    number = coder.pack.number
    return [
        _with(fact, number, derived[id(fact)])
        if isinstance(fact, VacancyNormalised)
        else Erased(fact.ref, VacancyMatched.topic.name)
        for fact in facts
        if isinstance(fact, VacancyNormalised | Erased)
    ]


def _languages(vacancy: Vacancy | None) -> list[str | None]:
    if vacancy is None:
        return []
    country = next((place.country for place in vacancy.locations if place.country), None)
    return [language_of(profile, country) for profile in vacancy.profiles]


def _asked(fact: VacancyNormalised, languages: Sequence[str | None]) -> Asked:
    profiles = fact.vacancy.profiles if fact.vacancy else ()
    titles = [(language, profile.title) for language, profile in zip(languages, profiles, strict=True)]
    return Asked(titles, _stated(fact).occupations)


def _stated(fact: VacancyNormalised) -> Vacancy | Stub:
    return fact.vacancy or fact.stub or Stub()


def _with(fact: VacancyNormalised, enrichment: int, derived: Derived) -> VacancyMatched:
    state = {name: getattr(fact, name) for name in VacancyNormalised.model_fields}
    return VacancyMatched.model_construct(**state | {"enrichment": enrichment, "derived": derived})


def place_of(location: Location, places: Places, language: str | None = None) -> Place:
    """Where a stated location is: what the source says first, then postcode, point and town in `language`."""
    found = places.locate(location.country, location.postcode, location.city, language)
    stated = location.nuts if location.nuts and len(location.nuts) == 5 else None
    nuts, version = (stated, None) if stated else _region(location, found, places)
    exact = location.lat is not None and location.lon is not None
    return Place(
        country=location.country,
        nuts=nuts or location.nuts,
        nuts_version=version,
        lat=location.lat if exact else found.lat if found else None,
        lon=location.lon if exact else found.lon if found else None,
        name=location.city,
        method="stated" if exact or (stated and not found) else found.method if found else "country",
        radius_km=0.0 if exact else found.radius_km if found else None,
    )


def _region(location: Location, found: Located | None, places: Places) -> tuple[str | None, str | None]:
    """A postcode names its region; outlines are coarser, so a point comes next, and the town's name last."""
    if location.lat is None or location.lon is None or (found and found.method.startswith("postcode")):
        at = None
    else:
        at = places.region_at(location.country, location.lat, location.lon)
    return at or ((found.nuts, found.nuts_version) if found else (None, None))
