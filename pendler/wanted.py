"""A query in the form that it is compared in: by the index, and by the alerts."""

from dataclasses import dataclass
from datetime import UTC, datetime, time
from enum import StrEnum

from pendler.esco import PREFIX
from pendler.traits import Filter, filters
from pendler.travel import reach_km
from pendler.wording import Phrase, Wording, wording
from schemas.partnership import partnerships
from schemas.query import Origin, Query, Shown

NOWHERE = "-"


class Said(StrEnum):
    """Of filters on what many advertisements do not say: those that meet them, those that do not say, or both."""

    MET = "met"
    UNSAID = "unsaid"
    EITHER = "either"


@dataclass(frozen=True)
class Wanted:
    """A query, ready to be compared; an empty filter lets all pass.

    Each of `words` is met by any of its terms, a code among them. `km` holds whatever `minutes` says, so that a circle
    finds all that may be near enough.
    """

    words: tuple[tuple[str, ...], ...] = ()
    phrases: tuple[Phrase, ...] = ()
    without: tuple[tuple[str, ...], ...] = ()
    without_phrases: tuple[Phrase, ...] = ()
    filters: tuple[Filter, ...] = ()
    pay: int = 0
    said: Said = Said.EITHER
    since: int = 0
    countries: frozenset[str] = frozenset()
    nuts: frozenset[str] = frozenset()
    occupations: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()
    origin: Origin | None = None
    km: int = 50
    minutes: int | None = None
    shown: Shown = Shown.ACTIVE

    @property
    def sparse(self) -> bool:
        """Whether advertisements that do not say are among what is wanted."""
        return self.said is Said.EITHER and (self.pay > 0 or any(one.unsaid for one in self.filters))


def wanted(query: Query, origin: Origin | None = None) -> Wanted:
    """A query as it is compared. `origin` is where `query.near` lies."""
    text = wording(query) if query.q else Wording()
    return Wanted(
        words=text.words,
        phrases=text.phrases,
        without=text.without,
        without_phrases=text.without_phrases,
        filters=filters(query),
        pay=query.pay or 0,
        said=Said.MET if query.strict else Said.EITHER,
        since=int(datetime.combine(query.since, time(), UTC).timestamp()) if query.since else 0,
        countries=frozenset(query.country),
        nuts=_areas(query),
        occupations=frozenset(map(occupation_uri, query.occupation)),
        sources=frozenset(query.source),
        origin=origin,
        km=reach_km(query.minutes) if query.minutes else query.km,
        minutes=query.minutes,
        shown=query.status,
    )


def _areas(query: Query) -> frozenset[str]:
    """What lies both in the regions and in the partnerships that are asked for."""
    regions = set(query.nuts)
    members = {code for one in query.partnership for code in partnerships()[one].nuts}
    if not regions or not members:
        return frozenset(regions or members)
    both = {max(one, other, key=len) for one in regions for other in members if _nested(one, other)}
    return frozenset(both or {NOWHERE})


def _nested(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def occupation_uri(code: str) -> str:
    """An occupation as a URI: `7212`, `C7212` and `isco/C7212` mean the ISCO group, a URI itself."""
    if code.startswith("http"):
        return code
    bare = code.rpartition("/")[2].upper().removeprefix("C")
    return f"{PREFIX}isco/C{bare}" if bare.isdigit() else f"{PREFIX}occupation/{code.rpartition('/')[2]}"
