"""What a text asks for or offers: languages, licences, education, experience, remote work, training, shifts, seasons.

Sentence by sentence, by the words in `tables/LANGUAGE.yaml`. A name of a language alone asks for nothing, and what
is denied is not asked for; where it is not plain which of both a sentence says, nothing is found.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

from schemas.vacancy import Cefr, Finding, Kind
from services.match.tables import words

LONGEST = 20_000
"""Letters of a text that are read."""
SENTENCE = re.compile(r"[^.!?;•·*\n]+(?:[.](?=\S)[^.!?;•·*\n]*)*")
JOINED = r"(?!\s*(?:hvis|wenn|dass|if|that|als|dat|si|que|om|att|at)\b)"
"""A comma before such a word parts nothing: "it is not necessary, that you ..."."""
PART = re.compile(rf",{JOINED}|[()]|\s[–-]\s|\b(?:but|aber|maar|mais|men|jedoch|sondern|mä)\b", re.IGNORECASE)
WORD, START = re.compile(r"\w+"), 4
CEFR = re.compile(r"(?<![\w])([ABC][12])(?!\w)")
LEVEL: dict[str, Cefr] = {level: level for level in get_args(Cefr)}
CATEGORY = r"(?-i:(?:AM|A1|A2|A|B1|B|BE|B96|C1|C1E|C|CE|C/E|D1|D1E|D|DE|D/E|T)(?![\w]))"
CATEGORIES = re.compile(CATEGORY)
AND = re.compile(r"[,:()/&]|\b(?:und|and|en|og|och|et|an|a)\b", re.IGNORECASE)
LINKED = r"(?:\s*(?:,|/|&|\+|\bund\b|\band\b|\ben\b|\bog\b|\boch\b|\bet\b|\boder\b|\bor\b|\bof\b|\beller\b|\bou\b)\s*)"
BEFORE, AFTER, OWNER = 45, 50, 30
"""Letters around a language in which must be said that it is asked for; before a number, whose years they are."""
NEVER = re.compile(r"(?!)")
MOST_YEARS = 15
Table = dict[str, Any]


@dataclass(frozen=True)
class Patterns:
    """The words of one language, ready to be looked for. A group of `phrases` is called by kind and number."""

    any: frozenset[str]
    starts: dict[str, frozenset[str]]
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


def findings(text: str, language: str | None) -> list[Finding]:
    """What a text in one of the eight languages asks for, each thing once, in the order of the text."""
    known = patterns(language) if language else None
    found: dict[tuple[Kind, str], Finding] = {}
    for sentence in SENTENCE.finditer(text[:LONGEST]) if known else ():
        if known and not known.any.isdisjoint(starts := _starts(sentence[0])):
            for one in _in(" ".join(sentence[0].split()), starts, known):
                before = found.get((one.kind, one.value))
                if before is None or (one.level and not before.level):
                    found[one.kind, one.value] = one
    return _plain(found.values())


def _starts(text: str) -> set[str]:
    """The first letters of the words of a text: a sentence without those of any known word is not looked at."""
    return {word[:START] for word in WORD.findall(text.lower())}


def _plain(found: Any) -> list[Finding]:
    """Without what says less than another: a licence or experience that is not told further."""
    told = {one.kind for one in found if one.value}
    vague = (Kind.LICENCE, Kind.EXPERIENCE)
    return [one for one in found if one.value or one.kind not in vague or one.kind not in told]


def _in(sentence: str, starts: set[str], known: Patterns) -> Iterator[Finding]:
    denied = bool(known.negation.search(sentence))
    for looked_for, find in LOOKED_FOR.items():
        if not known.starts[looked_for].isdisjoint(starts):
            yield from find(sentence, known, denied)


def _met(pattern: re.Pattern[str], starts: frozenset[str], sentence: str) -> Iterator[re.Match[str]]:
    """What `finditer` would give, tried only at words that begin as one of the table does: a tenth of its time."""
    end = 0
    for word in WORD.finditer(sentence):
        if word.start() >= end and word[0][:START].lower() in starts and (met := pattern.match(sentence, word.start())):
            end = met.end()
            yield met


def _phrases(sentence: str, known: Patterns, denied: bool) -> Iterator[Finding]:
    for met in _met(known.phrases, known.starts["phrases"], sentence):
        kind, value = known.meant[int(str(met.lastgroup)[1:])]
        # "The contract ends in a CAP, so nothing is asked for": a denial anywhere may be that of a degree.
        if not (denied and (kind is Kind.EDUCATION or _denied(sentence, met, known))):
            yield _finding(kind, value, sentence, known, met)


def _languages(sentence: str, known: Patterns, denied: bool) -> Iterator[Finding]:
    for met in _met(known.names, known.starts["languages"], sentence):
        left, right = sentence[max(0, met.start() - BEFORE) : met.start()], sentence[met.end() : met.end() + AFTER]
        if known.others.match(right.lstrip(" -")) or known.before.search(left.rstrip()[-OWNER:]):
            continue
        asked = known.asked.search(left) or known.asked.search(right) or CEFR.search(right) or known.own.match(met[0])
        if asked and not (denied and _denied(sentence, met, known, asked=True)):
            value = known.name_of[str(met.lastgroup)]
            yield _finding(Kind.LANGUAGE, value, sentence, known, met, _level(left, right, known))


def _level(left: str, right: str, known: Patterns) -> Cefr | None:
    """The level named nearest behind a language, up to the next one; else by a word for it, before or behind."""
    ahead = known.names.search(right)
    behind = right[: ahead.start()] if ahead else right
    last = max((one.end() for one in known.names.finditer(left)), default=0)
    front = AND.split(left[last:])[-1] if last else PART.split(left)[-1]
    if stated := CEFR.search(behind) or CEFR.search(front):
        return LEVEL[stated[1]]
    return next((level for level, says in known.levels if says.search(behind) or says.search(front)), None)


def _licences(sentence: str, known: Patterns, denied: bool) -> Iterator[Finding]:
    for met in known.licence.finditer(sentence):
        if denied and _denied(sentence, met, known):
            continue
        categories = [one.replace("/", "") for one in CATEGORIES.findall(met[0])]
        if categories or known.bare.search(met[0]):
            yield from (_finding(Kind.LICENCE, one, sentence, known, met) for one in categories or [""])


def _experience(sentence: str, known: Patterns, denied: bool) -> Iterator[Finding]:
    if not known.nouns.search(sentence):
        return
    numbers = [met for met in known.years.finditer(sentence) if 0 < int(met["low"]) <= MOST_YEARS]
    for met in numbers:
        left = sentence[max(0, met.start() - OWNER) : met.start()]
        if not known.owner.search(left) and not denied:
            yield _finding(Kind.EXPERIENCE, met["low"], sentence, known, met)
    noun = known.nouns.search(sentence)
    if noun and denied and not numbers and _denied(sentence, noun, known):
        yield _finding(Kind.EXPERIENCE, "", sentence, known, noun).model_copy(update={"required": False})
    if not denied and not numbers and (said := known.needed.search(sentence)):
        yield _finding(Kind.EXPERIENCE, "", sentence, known, said)


def _denied(sentence: str, met: re.Match[str], known: Patterns, asked: bool = False) -> bool:
    """Whether a sentence with a negation denies what was met: in the same part of it, or not plainly elsewhere."""
    part = _part(sentence, met)
    return bool(known.negation.search(part)) or (asked and not _asks(part, known))


def _part(sentence: str, met: re.Match[str]) -> str:
    """The part of a sentence, between commas and the like, that something stands in."""
    ends = [0, *(one.start() for one in PART.finditer(sentence)), len(sentence)]
    return sentence[max(end for end in ends if end <= met.start()) : min(end for end in ends if end >= met.end())]


def _asks(part: str, known: Patterns) -> bool:
    return bool(known.asked.search(part) or CEFR.search(part))


def _finding(
    kind: Kind, value: str, sentence: str, known: Patterns, met: re.Match[str], level: Cefr | None = None
) -> Finding:
    part = _part(sentence, met)
    wished = known.wished.search(part) or (known.wished.search(sentence) and not _asks(part, known))
    return Finding.model_construct(kind=kind, value=value, level=level, required=not wished, evidence=sentence[:200])


@cache
def patterns(language: str) -> Patterns | None:
    """The patterns of a language; None where it has no table."""
    table = words(language)
    if table is None:
        return None
    spoken, licence, years = table["languages"], table["licence"], table["experience"]
    starts = {name: frozenset(map(_start, said)) for name, said in _said(table)}
    phrases = [(kind, value, said) for kind, some in table["phrases"].items() for value, said in some.items()]
    names = list(spoken["names"].items())
    nouns = one_of(licence["nouns"])
    kinds = one_of(licence["classes"])
    held = rf"{CATEGORY}(?:{LINKED}{CATEGORY})*"
    return Patterns(
        any=frozenset[str]().union(*starts.values()),
        starts=starts,
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


LOOKED_FOR = {"languages": _languages, "licence": _licences, "experience": _experience, "phrases": _phrases}


def compiled(said: Sequence[str]) -> re.Pattern[str]:
    return re.compile(one_of(said), re.IGNORECASE) if said else NEVER


def one_of(said: Sequence[str]) -> str:
    """A pattern for any of some words as a table writes them; capitals alone must be capitals."""
    return rf"(?<!\w)(?:{'|'.join(sorted(map(_word, map(str, said)), key=len, reverse=True))})(?!\w)"


def _word(said: str) -> str:
    escaped = re.escape(said).replace(r"\*", r"\w*").replace(r"\?", r"\w?").replace(r"\ ", r"\s+")
    return f"(?-i:{escaped})" if said.isupper() and len(said) > 1 else escaped
