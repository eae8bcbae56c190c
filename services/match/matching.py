"""One vacancy -> what follows from it: language, occupations, places, skills, what the text asks for. Stateless.

So a replay comes out the same. Heavy to load: only what matches does.
"""

from collections.abc import Callable, Mapping, Sequence

from pendler.esco.stored import Stored, current
from pendler.places import Located, Places, open_places
from pendler.service import Fact
from pendler.settings import Settings
from schemas.event import Erased, VacancyMatched, VacancyNormalised
from schemas.vacancy import Derived, Finding, Kind, Location, Occupation, Offering, Place, Stub, Vacancy
from services.match.coding import Asked, Coder, open_coder
from services.match.language import language_of, written_in
from services.match.phrases import SkillFinder
from services.match.regulated import regulated
from services.match.requirements import findings

KEPT = 5
SURE = 0.5
"""Score from which an occupation is said to be regulated."""
TRAINING = (Offering.APPRENTICESHIP, Offering.INTERNSHIP)
STATED: Mapping[Kind, Callable[[Vacancy], object]] = {
    Kind.LANGUAGE: lambda vacancy: vacancy.languages,
    Kind.LICENCE: lambda vacancy: vacancy.licences,
    Kind.EDUCATION: lambda vacancy: vacancy.education,
    Kind.EXPERIENCE: lambda vacancy: vacancy.experience,
    Kind.REMOTE: lambda vacancy: vacancy.remote is not None,
    Kind.TRAINING: lambda vacancy: vacancy.offering in TRAINING,
    Kind.SEASONAL: lambda vacancy: vacancy.offering is Offering.SEASONAL,
}
"""What a source may state itself: then its text is not asked."""


Match = Callable[[Sequence[Fact]], list[VacancyMatched | Erased]]


def open_match(settings: Settings) -> Match:
    """`matched` with the newest pack; our own lexicon, where there is none, has no skills: then none are found."""
    pack = current(settings.home)
    stored = pack if isinstance(pack, Stored) else None
    coder, skills = open_coder(stored.folder if stored else None), SkillFinder(stored) if stored else None
    places = open_places(settings.places)
    return lambda facts: matched(facts, coder, places, skills)


def matched(
    facts: Sequence[Fact], coder: Coder, places: Places, skills: SkillFinder | None = None
) -> list[VacancyMatched | Erased]:
    """Each vacancy with what follows from it and from this pack; occupations are coded for the whole batch at once."""
    given = [fact for fact in facts if isinstance(fact, VacancyNormalised)]
    languages = [_languages(fact.vacancy) for fact in given]
    asked = [_asked(fact, some) for fact, some in zip(given, languages, strict=True)]
    derived = {
        id(fact): _derived(fact, some, occupations, places, skills)
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


def _derived(
    fact: VacancyNormalised,
    languages: Sequence[str | None],
    occupations: Sequence[Occupation],
    places: Places,
    skills: SkillFinder | None,
) -> Derived:
    """What follows for one vacancy from its languages and occupations."""
    first = next(iter(languages), None)
    located = [place_of(at, places, first) for at in _stated(fact).locations]
    sure = [one.isco for one in occupations[:1] if one.score >= SURE]
    lands = {place.country for place in located if place.country}
    vacancy = fact.vacancy
    profile = vacancy.profiles[0] if vacancy else None
    occupation = next(iter(occupations), None)
    return Derived(
        language=first,
        occupations=tuple(occupations),
        skills=tuple(skills.find(f"{profile.title}\n{profile.text}", first, occupation)) if skills and profile else (),
        places=tuple(located),
        written=written_in(profile, first) if profile else (),
        findings=(
            *(told(vacancy, languages) if vacancy else ()),
            *(one for isco in sure for one in regulated(isco, lands)),
        ),
    )


def told(vacancy: Vacancy, languages: Sequence[str | None]) -> Sequence[Finding]:
    """What the texts ask for and the source does not state itself."""
    stated = {kind for kind, is_stated in STATED.items() if is_stated(vacancy)}
    found: dict[tuple[Kind, str], Finding] = {}
    for profile, language in zip(vacancy.profiles, languages, strict=True):
        for one in findings(f"{profile.title}\n{profile.text}", language):
            if one.kind not in stated:
                found.setdefault((one.kind, one.value), one)
    return list(found.values())


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
