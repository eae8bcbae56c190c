"""The code lists that a search speaks in, for who builds one: what may be asked, with what it is called."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from babel import Locale

from pendler.esco import isco_uri, lexicon
from pendler.speech import LANGUAGES, Speech
from pendler.travel import crossings
from schemas.partnership import partnerships
from schemas.query import Shown, Sort
from schemas.vacancy import Offering, Schedule

EURES = "AT BE BG CH CY CZ DE DK EE EL ES FI FR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK"
Row = dict[str, Any]


def code_list(name: str, spoken: Speech) -> list[Row] | None:
    """All rows of a list; None where there is no such list."""
    made = LISTS.get(name)
    return list(made(spoken)) if made else None


def _countries(spoken: Speech) -> Iterable[Row]:
    return ({"code": one, "label": spoken.country(one)} for one in (*EURES.split(" "), "UK"))


def _languages(spoken: Speech) -> Iterable[Row]:
    known = sorted(code for code in map(str, Locale("en").languages) if len(code) == 2)
    return ({"code": one, "label": spoken.language_name(one), "interface": one in LANGUAGES} for one in known)


def _partnerships(_: Speech) -> Iterable[Row]:
    return (
        {
            "code": one.id,
            "label": one.name,
            "countries": one.countries,
            "nuts": one.nuts,
            "since": one.since or None,
            "current": one.current,
            "website": one.website or None,
            "verified": one.verified,
        }
        for one in partnerships().values()
    )


def _crossings(_: Speech) -> Iterable[Row]:
    return (
        {"code": one.name, "label": one.name, "kind": one.kind, "water": one.water, "lat": one.at[0], "lon": one.at[1],
         "extra_minutes": one.extra}
        for some in crossings().values()
        for one in some
    )  # fmt: skip


def _occupations(spoken: Speech) -> Iterable[Row]:
    found = sorted(lexicon().concepts(), key=lambda one: one.isco)
    return (
        {"code": one.isco, "uri": isco_uri(one.isco), "label": one.label(spoken.language), "titles": one.titles}
        for one in found
    )


def _values(values: Iterable[str]) -> Callable[[Speech], Iterable[Row]]:
    return lambda _: ({"code": str(one), "label": str(one)} for one in values)


LISTS: Mapping[str, Callable[[Speech], Iterable[Row]]] = {
    "country": _countries,
    "crossing": _crossings,
    "language": _languages,
    "occupation": _occupations,
    "offering": _values(Offering),
    "partnership": _partnerships,
    "schedule": _values(Schedule),
    "sort": _values(Sort),
    "status": _values(Shown),
}
