"""What an advertisement says of the post beside its words and place, and what a query asks of it, both as tokens.

A filter names the tokens that meet it, and those of advertisements that do not say. So an index needs one field of
tokens for all filters, and a new filter is a line here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import ceil

from pendler.text import fold, words
from schemas.event import VacancyMatched
from schemas.query import Query
from schemas.vacancy import Experience, Finding, Kind, Schedule

UNSAID = "?"
SURE = 0.3
"""The score from which an occupation counts; docs/decisions/0042 has what it finds and what it mistakes."""
HIGH, DEGREES = "qualified=high", ("6", "7", "8")


@dataclass(frozen=True)
class Filter:
    """What is asked of one trait: tokens that meet it, and those of advertisements that do not say."""

    met: frozenset[str]
    unsaid: frozenset[str] = frozenset()


def traits(event: VacancyMatched) -> frozenset[str]:
    """The tokens of a vacancy. A stub has only what its codes say: what it was is no longer said."""
    vacancy = event.vacancy
    if vacancy is None:
        return frozenset({HIGH} if _high(event, None) else ())
    found: dict[Kind, list[Finding]] = {}
    for one in event.derived.findings:
        found.setdefault(one.kind, []).append(one)
    stated = {one.language for one in vacancy.languages if one.required} or _required(found, Kind.LANGUAGE)
    licences = set(vacancy.licences) or _required(found, Kind.LICENCE)
    level = _level(vacancy.education or _required(found, Kind.EDUCATION))
    said = [
        _said("offering", vacancy.offering),
        _said("schedule", vacancy.schedule),
        _said("speaks", "+".join(sorted(stated))),
        _said("licence", "+".join(sorted(one or "any" for one in licences))),
        _said("education", level),
        _said("experience", _years(vacancy.experience, found.get(Kind.EXPERIENCE))),
        _said("remote", _yes(vacancy.remote, Kind.REMOTE in found)),
        _said("abroad", _yes(vacancy.eures_flag)),
    ]
    if not stated:
        said.append(_said("speaks", event.derived.language, "~"))
    if not (vacancy.pay and (vacancy.pay.yearly_maximum or vacancy.pay.yearly_minimum)):
        said.append("pay=?")
    if _high(event, level):
        said.append(HIGH)
    if vacancy.employer.name:
        said.append(employer(vacancy.employer.name))
    said.extend(_said("programme", one) for one in vacancy.programmes)
    said.extend(one.uri for one in event.derived.skills)
    return frozenset(said)


@lru_cache(maxsize=5_000)
def _said(name: str, value: str | None, how: str = "=") -> str:
    return f"{name}{how}{value or UNSAID}"


@lru_cache(maxsize=5_000)
def employer(name: str) -> str:
    return f"employer={' '.join(map(fold, words(name)))}"


def _required(found: Mapping[Kind, Sequence[Finding]], kind: Kind) -> set[str]:
    return {one.value for one in found.get(kind, ()) if one.required}


def _level(stated: Iterable[str]) -> str | None:
    """The lowest level that will do; ISCED and EQF count as the same step."""
    return min((one[-1] for one in stated), default=None)


def _high(event: VacancyMatched, level: str | None) -> bool:
    """Managers, professionals and technicians, or whatever asks for a degree."""
    return (level or "") in DEGREES or any(
        one.score >= SURE and one.isco.startswith(("1", "2", "3")) for one in event.derived.occupations
    )


def _years(stated: Experience | None, found: Sequence[Finding] | None) -> str | None:
    """Whole years, at least one where experience is only said to be needed."""
    if stated and stated.years is not None:
        return str(ceil(stated.years))
    if stated and stated.required is not None:
        return "1" if stated.required else "0"
    if found:
        return str(int(found[0].value or 1) if found[0].required else 0)
    return None


def _yes(stated: bool | None, found: bool = False) -> str | None:
    if stated is None:
        return "yes" if found else None
    return "yes" if stated else "no"


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
        Filter(frozenset({HIGH} if query.qualified else ())),
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
