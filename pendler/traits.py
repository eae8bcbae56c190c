"""What an advertisement says of the post beside its words and place, and what a query asks of it, both as tokens.

A filter names the tokens that meet it, and those of advertisements that do not say. So an index needs one field of
tokens for all filters, and a new filter is a line here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import ceil

from pendler.text import fold, words
from schemas.event import VacancyMatched
from schemas.query import Query
from schemas.vacancy import Finding, Kind, Schedule, Vacancy

UNSAID = "?"
MOST_YEARS = 60


@dataclass(frozen=True)
class Filter:
    """What is asked of one trait: tokens that meet it, and those of advertisements that do not say."""

    met: frozenset[str]
    unsaid: frozenset[str] = frozenset()


def traits(event: VacancyMatched) -> frozenset[str]:
    """The tokens of a vacancy. A stub has none: what it was is no longer said."""
    vacancy = event.vacancy
    if vacancy is None:
        return frozenset()
    found = event.derived.findings
    said = [
        f"offering={vacancy.offering or UNSAID}",
        f"schedule={vacancy.schedule or UNSAID}",
        _speaks(vacancy, found, event.derived.language),
        _licences(vacancy, found),
        f"education={_level(vacancy.education or _values(found, Kind.EDUCATION))}",
        f"experience={_years(vacancy, found)}",
        f"remote={_remote(vacancy, found)}",
        f"abroad={UNSAID if vacancy.eures_flag is None else 'yes' if vacancy.eures_flag else 'no'}",
        *(f"programme={one}" for one in vacancy.programmes),
        *(one.uri for one in event.derived.skills),
    ]
    if said[2].startswith("speaks~"):
        said.append(f"speaks={UNSAID}")
    if not (vacancy.pay and (vacancy.pay.yearly_maximum or vacancy.pay.yearly_minimum)):
        said.append(f"pay={UNSAID}")
    if vacancy.employer.name:
        said.append(employer(vacancy.employer.name))
    return frozenset(said)


@lru_cache(maxsize=20_000)
def employer(name: str) -> str:
    return f"employer={' '.join(map(fold, words(name)))}"


def _speaks(vacancy: Vacancy, found: Sequence[Finding], own: str | None) -> str:
    """All languages that are required; where none is stated, probably the advertisement's own: `speaks~nl`."""
    stated = {one.language for one in vacancy.languages if one.required} or set(_values(found, Kind.LANGUAGE))
    return f"speaks={'+'.join(sorted(stated))}" if stated else f"speaks~{own or UNSAID}"


def _licences(vacancy: Vacancy, found: Sequence[Finding]) -> str:
    stated = set(vacancy.licences) or set(_values(found, Kind.LICENCE))
    return f"licence={'+'.join(sorted(one or 'any' for one in stated)) or UNSAID}"


def _level(stated: Iterable[str]) -> str:
    """The lowest level that will do; ISCED and EQF count as the same step."""
    return min((one[-1] for one in stated), default=UNSAID)


def _years(vacancy: Vacancy, found: Sequence[Finding]) -> str:
    """Whole years, at least one where experience is only said to be needed."""
    one = vacancy.experience
    if one and one.years is not None:
        return str(ceil(one.years))
    if one and one.required is not None:
        return "1" if one.required else "0"
    stated = [finding for finding in found if finding.kind is Kind.EXPERIENCE]
    return str(int(stated[0].value or 1) if stated[0].required else 0) if stated else UNSAID


def _remote(vacancy: Vacancy, found: Sequence[Finding]) -> str:
    if vacancy.remote is not None:
        return "yes" if vacancy.remote else "no"
    return "yes" if any(one.kind is Kind.REMOTE for one in found) else UNSAID


def _values(found: Sequence[Finding], kind: Kind) -> list[str]:
    return [one.value for one in found if one.kind is kind and one.required]


def filters(query: Query) -> tuple[Filter, ...]:
    """What a query asks of the traits. Languages and licences asked for must all be among those of the person."""
    asked = [
        _among("offering", query.offering),
        _among("schedule", (*query.schedule, Schedule.ANY) if query.schedule else ()),
        _within("speaks", query.speaks, {f"speaks~{one}" for one in (*query.speaks, UNSAID)}),
        _within("licence", query.licence and (*query.licence, "any"), {f"licence={UNSAID}"}),
        _among("education", range((query.education or 0) + 1) if query.education is not None else ()),
        _among("experience", range((query.experience or 0) + 1) if query.experience is not None else ()),
        _among("remote", (query.remote,) if query.remote else ()),
        _among("abroad", (query.abroad,) if query.abroad else ()),
        Filter(frozenset(f"programme={one}" for one in query.programme)),
        Filter(frozenset(map(employer, query.employer))),
        Filter(frozenset(query.skill)),
    ]
    return tuple(one for one in asked if one and one.met)


def _among(name: str, values: Iterable[object]) -> Filter | None:
    met = frozenset(f"{name}={value}" for value in values)
    return Filter(met, frozenset({f"{name}={UNSAID}"})) if met else None


def _within(name: str, mine: Sequence[str], unsaid: set[str]) -> Filter | None:
    """All that can be asked of who has these: each choice of them."""
    own = sorted(set(mine))
    choices = (chosen for count in range(1, len(own) + 1) for chosen in combinations(own, count))
    return Filter(frozenset(f"{name}={'+'.join(one)}" for one in choices), frozenset(unsaid)) if own else None
