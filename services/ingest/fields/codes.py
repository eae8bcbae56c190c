"""Values of code lists that several feeds share: read as they come, trimmed and whatever their case.

Countries are spelt as EURES spells them, EL for Greece and UK for the United Kingdom, however they come.
Languages are ISO 639-1. Norwegian comes as `no`, `nb` or `nn` and is `nb` here, so that one search finds it.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import TypeVar, get_args

from babel import Locale

from schemas.event import Reason
from schemas.vacancy import Cefr
from services.ingest.fields.record import Notes
from services.ingest.fields.strict import Read, Reader, warning

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")

LICENCES = frozenset({"AM", "A1", "A2", "A", "B1", "B", "BE", "C1", "C1E", "C", "CE", "D1", "D1E", "D", "DE"})
_LEVELS: dict[str, Cefr] = {level: level for level in get_args(Cefr)}
_NO_COUNTRIES = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})
_EURES_SPELLING = {"GR": "EL", "GB": "UK"}
_ONE_NORWEGIAN = {"no": "nb", "nn": "nb"}
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,2})?")
_NUTS = re.compile(r"[A-Z]{2}[0-9A-Z]{0,3}")
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


def unknown(value: object, at: str, hint: str) -> Reason:
    """The warning about a value that is not in its list."""
    return warning("unknown-code", at, value, hint)


@cache
def one_of(kind: type[E]) -> Reader[E]:
    """A value of one of the vacancy's own code lists."""
    members = {member.casefold(): member for member in kind}

    def read(value: str | None, at: str) -> Read[E]:
        wanted = (value or "").strip().casefold()
        if not wanted:
            return None, None
        found = members.get(wanted)
        return (found, None) if found else (None, unknown(value, at, f"one of {', '.join(kind)}"))

    return read


def listed(values: Mapping[str, T | None]) -> Reader[T]:
    """A value by the source's own word for it, of which the table has the folded spelling; None says nothing."""

    def read(value: str | None, at: str) -> Read[T]:
        wanted = (value or "").strip().casefold()
        if not wanted or wanted in values:
            return values.get(wanted), None
        return None, unknown(value, at, f"one of {', '.join(values)}")

    return read


def country(value: str | None, at: str) -> Read[str]:
    """A country by its two letters."""
    wanted = (value or "").strip().upper()
    if not wanted:
        return None, None
    found = _EURES_SPELLING.get(wanted, wanted)
    return (found, None) if found in _countries() else (None, unknown(value, at, "two letters, as SE or EL"))


def country_spelt(value: str | None, at: str) -> Read[str]:
    """A country by its two letters or its English name."""
    if found := country_named(value or "", "en"):
        return found, None
    return country(value, at)


def country_named(name: str, language: str) -> str | None:
    """The country that people who speak `language` call `name`."""
    return _named(name, _country_names(language))


def nuts(value: str | None, at: str) -> Read[str]:
    """A region of any level, of whatever version of NUTS."""
    wanted = (value or "").strip().upper()
    if not wanted or _NUTS.fullmatch(wanted):
        return wanted or None, None
    return None, unknown(value, at, "a NUTS code: country and up to three characters, as SE110")


def language(value: str | None, at: str) -> Read[str]:
    """A language by its two letters; what follows them (`sv-SE`) is dropped."""
    wanted = re.split("[-_]", (value or "").strip().lower(), maxsplit=1)[0]
    if not wanted:
        return None, None
    found = _ONE_NORWEGIAN.get(wanted, wanted)
    return (found, None) if found in _languages() else (None, unknown(value, at, "two letters of ISO 639-1"))


def language_named(name: str, language: str) -> str | None:
    """The language that people who speak `language` call `name`."""
    return _named(name, _language_names(language))


def cefr(value: str | None, at: str) -> Read[Cefr]:
    """A level of the Common European Framework of Reference."""
    wanted = (value or "").strip().upper()
    if not wanted:
        return None, None
    found = _LEVELS.get(wanted)
    return (found, None) if found else (None, unknown(value, at, "A1 to C2"))


def education(value: str | None, at: str, scheme: str | None) -> Read[str]:
    """A level of ISCED 2011 (0 to 8) or EQF (1 to 8), as `scheme` says; ISCED's 9, other, is not stated."""
    level, named = (value or "").strip(), (scheme or "").upper()
    if not level or (level == "9" and "ISCED" in named):
        return None, None
    for prefix, levels in (("ISCED", "012345678"), ("EQF", "12345678")):
        if prefix in named and len(level) == 1 and level in levels:
            return f"{prefix}{level}", None
    return None, unknown(value, at, "a level 0 to 8 with the list it is from: ISCED or EQF")


def licence(value: str | None, at: str) -> Read[str]:
    """A driving licence category of Directive 2006/126."""
    wanted = (value or "").strip().upper().replace("+", "")
    if not wanted:
        return None, None
    return (wanted, None) if wanted in LICENCES else (None, unknown(value, at, "a category as B, BE or C1E"))


def currency(value: str | None, at: str) -> Read[str]:
    """A currency by its three letters."""
    wanted = (value or "").strip().upper()
    if not wanted:
        return None, None
    return (wanted, None) if wanted in _currencies() else (None, unknown(value, at, "three letters, as EUR"))


def truth(value: str | None, at: str) -> Read[bool]:
    """An XML boolean."""
    wanted = (value or "").strip().casefold()
    if not wanted:
        return None, None
    return (_TRUTHS[wanted], None) if wanted in _TRUTHS else (None, unknown(value, at, "true or false"))


def amount(value: str | None, at: str, low: float = 0, high: float = 1e9) -> Read[float]:
    """A number between `low` and `high`."""
    written = (value or "").strip()
    if not written:
        return None, None
    if _NUMBER.fullmatch(written) and low <= float(written) <= high:
        return float(written), None
    return None, warning("number-out-of-range", at, value, f"a number from {low:g} to {high:g}")


def whole(value: str | None, at: str, low: int, high: int) -> Read[int]:
    """A whole number between `low` and `high`."""
    found, reason = amount(value, at, low, high)
    if found is None or found.is_integer():
        return None if found is None else int(found), reason
    return None, warning("number-out-of-range", at, value, f"a whole number from {low} to {high}")


def posts(value: str | None, at: str) -> Read[int]:
    """The number of posts."""
    return whole(value, at, 1, 10_000)


def coordinates(notes: Notes, at: str, lat: str | None, lon: str | None) -> tuple[float | None, float | None]:
    """Degrees north and east; one without the other says nothing, and 0, 0 is in the sea.

    What is far from Europe, and in its midst the other way round, counts as absent: which was meant is not stated.
    """
    north, east = notes.keep(amount(lat, at, -90, 90)), notes.keep(amount(lon, at, -180, 180))
    if north is None or east is None or north == east == 0:
        return None, None
    near = 27 <= north <= 82 and -32 <= east <= 46
    if not near and 34 <= east <= 72 and -10.7 <= north <= 45:  # Mayotte and Réunion are no mistakes
        notes.warn("coordinates-swapped", at, f"{north}, {east}", "degrees north first, then degrees east")
        return None, None
    return north, east


def _named(name: str, names: dict[str, str]) -> str | None:
    """`Tigrinja/Tigrinska` is found by either word, `Persiska (Farsi)` by the word before the bracket."""
    whole_name = name.partition("(")[0]
    spellings = (whole_name, *whole_name.split("/"))
    return next((names[key] for spelling in spellings if (key := spelling.strip().casefold()) in names), None)


@cache
def _countries() -> frozenset[str]:
    return frozenset(_country_names("en").values())


@cache
def _languages() -> frozenset[str]:
    return frozenset(_language_names("en").values())


@cache
def _currencies() -> frozenset[str]:
    return frozenset(Locale("en").currencies)


@cache
def _country_names(spoken: str) -> dict[str, str]:
    territories = Locale(spoken).territories.items()
    return {
        name.casefold(): _EURES_SPELLING.get(code, code)
        for code, name in territories
        if len(code) == 2 and code.isalpha() and code not in _NO_COUNTRIES
    }


@cache
def _language_names(spoken: str) -> dict[str, str]:
    languages = Locale(spoken).languages.items()
    return {name.casefold(): _ONE_NORWEGIAN.get(code, code) for code, name in languages if len(code) == 2}
