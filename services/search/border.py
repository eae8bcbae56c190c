"""What changes at a border: which bodies answer whom, and which partnerships a place lies in. Our own facts, dated."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from schemas.event import VacancyMatched
from schemas.partnership import Partnership, partnerships


@dataclass(frozen=True)
class Body:
    """Who answers, in which country."""

    country: str
    name: str
    url: str


@dataclass(frozen=True)
class Card:
    """A question of who lives in one country and works in another, and the bodies that answer it."""

    question: str
    bodies: tuple[Body, ...]
    checked_on: date | None
    checked_by: str | None


def cards(home: str, work: str, today: date) -> list[Card]:
    """The cards of a pair of countries that are not past their day; none within one country."""
    facts = _facts()
    if home == work or today > facts["review_by"]:
        return []
    asked = {"work": (work,), "home": (home,), "both": (work, home)}
    made = [(question, tuple(_bodies(question, asked[whose]))) for question, whose in facts["questions"].items()]
    return [Card(question, bodies, facts["checked_on"], facts["checked_by"]) for question, bodies in made if bodies]


def _bodies(question: str, countries: Iterable[str]) -> Iterable[Body]:
    """Working from home is a matter of insurance and tax: it has the bodies of insurance."""
    named = "insured" if question == "telework" else question
    for country in countries:
        if found := _facts()["bodies"].get(country, {}).get(named):
            yield Body(country, *found)


def journeys(countries: Iterable[str]) -> list[Body]:
    """The national journey planners, where we know one."""
    known = _facts()["bodies"]
    return [Body(one, *known[one]["journey"]) for one in dict.fromkeys(countries) if "journey" in known.get(one, {})]


def of_vacancy(event: VacancyMatched) -> list[Partnership]:
    """The partnerships that a vacancy's places lie in."""
    codes = {place.nuts for place in event.derived.places if place.nuts}
    return [one for one in partnerships().values() if one.current and _holds(one, codes)]


def _holds(one: Partnership, codes: Iterable[str]) -> bool:
    return any(code.startswith(member) for code in codes for member in one.nuts)


def neighbours(work: str) -> Sequence[str]:
    """The countries that share a partnership with this one."""
    found = {country for one in partnerships().values() if work in one.countries for country in one.countries}
    return sorted(found - {work})


@cache
def _facts() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(files("services.search").joinpath("borders.yaml").read_text("utf-8"))
    return found
