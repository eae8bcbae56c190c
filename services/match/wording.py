"""The words of `tables/LANGUAGE.yaml` as patterns, and where in a text any of them may stand."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from schemas.vacancy import Cefr, Kind
from services.match.tables import words

WORD, START = re.compile(r"\w+"), 4
LEVEL: dict[str, Cefr] = {level: level for level in get_args(Cefr)}
CATEGORY = r"(?-i:(?:AM|A1|A2|A|B1|B|BE|B96|C1|C1E|C|CE|C/E|D1|D1E|D|DE|D/E|T)(?![\w]))"
LINKED = r"(?:\s*(?:,|/|&|\+|\bund\b|\band\b|\ben\b|\bog\b|\boch\b|\bet\b|\boder\b|\bor\b|\bof\b|\beller\b|\bou\b)\s*)"
NEVER = re.compile(r"(?!)")
Table = dict[str, Any]


@dataclass(frozen=True)
class Patterns:
    """The words of one language, ready to be looked for. A group of `phrases` is called by its number.

    `begins` finds, in lower case, what is no letter and how a word begins behind it that a finding begins with;
    `sorts` says what such a word may be.
    """

    begins: re.Pattern[str]
    sorts: Mapping[str, frozenset[str]]
    negation: re.Pattern[str]
    wished: re.Pattern[str]
    names: re.Pattern[str]
    name_of: dict[str, str]
    own: re.Pattern[str]
    others: re.Pattern[str]
    before: re.Pattern[str]
    asked: re.Pattern[str]
    levels: Sequence[tuple[Cefr, re.Pattern[str]]]
    licence: re.Pattern[str]
    bare: re.Pattern[str]
    years: re.Pattern[str]
    owner: re.Pattern[str]
    nouns: re.Pattern[str]
    needed: re.Pattern[str]
    phrases: re.Pattern[str]
    meant: Sequence[tuple[Kind, str]]


@cache
def patterns(language: str) -> Patterns | None:
    """The patterns of a language; None where it has no table."""
    table = words(language)
    if table is None:
        return None
    spoken, licence, years = table["languages"], table["licence"], table["experience"]
    sorts: dict[str, frozenset[str]] = {}
    for name, said in _said(table):
        sorts |= {start: sorts.get(start, frozenset()) | {name} for start in map(_start, said)}
    phrases = [(kind, value, said) for kind, some in table["phrases"].items() for value, said in some.items()]
    names = list(spoken["names"].items())
    nouns = one_of(licence["nouns"])
    kinds = one_of(licence["classes"])
    held = rf"{CATEGORY}(?:{LINKED}{CATEGORY})*"
    return Patterns(
        begins=re.compile(rf"\W{any_of(one if len(one) == START else f'{one} ' for one in sorts)}"),
        sorts=sorts,
        negation=compiled(table["negation"]),
        wished=compiled(table["wished"]),
        names=re.compile("|".join(f"(?P<n{n}>{one_of(said)})" for n, (_, said) in enumerate(names)), re.IGNORECASE),
        name_of={f"n{n}": code for n, (code, _) in enumerate(names)},
        own=compiled(spoken.get("own", ())),
        others=compiled(spoken.get("others", ())),
        before=re.compile(rf"{one_of(spoken['before'])}$", re.IGNORECASE) if "before" in spoken else NEVER,
        asked=compiled(spoken["asked"]),
        levels=[(LEVEL[level], compiled(said)) for level, said in spoken["levels"].items()],
        licence=re.compile(rf"(?<!\w){held}-?\s?{nouns}|{nouns}(?:\s*\(?(?:{kinds}\s*)?[\"“„]?{held})?", re.IGNORECASE),
        bare=compiled(licence.get("bare", licence["nouns"])),
        years=re.compile(
            rf"(?<!\d)(?P<low>\d{{1,2}})\s*(?:\+|(?:-|–|to|bis|tot|til|till|à)\s*\d{{1,2}})?\s*{one_of(years['years'])}",
            re.IGNORECASE,
        ),
        owner=compiled(years["own"]),
        nouns=compiled(years["nouns"]),
        needed=compiled(years["needed"]),
        phrases=re.compile(
            "|".join(f"(?P<p{n}>{one_of(said)})" for n, (_, _, said) in enumerate(phrases)), re.IGNORECASE
        ),
        meant=[(Kind(kind), value) for kind, value, _ in phrases],
    )


def _said(table: Table) -> Iterator[tuple[str, list[str]]]:
    """The words that a finding of each sort begins with."""
    yield "languages", [one for some in table["languages"]["names"].values() for one in some]
    # "B-körkort", "B rijbewijs": the word itself may come second.
    yield "licence", table["licence"]["nouns"]
    yield "experience", table["experience"]["nouns"]
    yield "phrases", [one for kind in table["phrases"].values() for some in kind.values() for one in some]


def _start(said: str) -> str:
    met = WORD.search(said.lower())
    return met[0][:START] if met else ""


def compiled(said: Sequence[str]) -> re.Pattern[str]:
    return re.compile(one_of(said), re.IGNORECASE) if said else NEVER


def one_of(said: Sequence[str]) -> str:
    """A pattern for any of some words as a table writes them; capitals alone must be capitals."""
    return rf"(?<!\w)(?:{'|'.join(sorted(map(_word, map(str, said)), key=len, reverse=True))})(?!\w)"


def _word(said: str) -> str:
    escaped = re.escape(said).replace(r"\*", r"\w*").replace(r"\?", r"\w?").replace(r"\ ", r"\s+")
    return f"(?-i:{escaped})" if said.isupper() and len(said) > 1 else escaped


def any_of(starts: Iterable[str]) -> str:
    """A pattern for any of some beginnings, letter by letter: most words are left at once. A space ends a word."""
    by_letter: dict[str, list[str]] = {}
    for start in sorted(set(starts)):
        by_letter.setdefault(start[:1], []).append(start[1:])
    ways = [_letter(letter) + any_of(rest) for letter, rest in by_letter.items() if letter]
    return f"(?:{'|'.join(ways)})" if ways else ""


def _letter(letter: str) -> str:
    return r"(?!\w)" if letter == " " else re.escape(letter)
