"""What a text asks for or offers: languages, licences, education, experience, remote work, training, shifts, seasons.

Sentence by sentence, by the words in `tables/LANGUAGE.yaml`. A name of a language alone asks for nothing, and what
is denied is not asked for; where it is not plain which of both a sentence says, nothing is found.
"""

import re
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

from schemas.vacancy import Cefr, Finding, Kind
from services.match.wording import CATEGORY, LEVEL, Patterns, patterns

LONGEST = 20_000
"""Letters of a text that are read."""
END = re.compile(r"[!?;•·*\n]|\.(?!\S)")
"""Where a sentence ends: not at a point within a word."""
JOINED = r"(?!\s*(?:hvis|wenn|dass|if|that|als|dat|si|que|om|att|at)\b)"
"""A comma before such a word parts nothing: "it is not necessary, that you ..."."""
PART = re.compile(rf",{JOINED}|[()]|\s[–-]\s|\b(?:but|aber|maar|mais|men|jedoch|sondern|mä)\b", re.IGNORECASE)
CEFR = re.compile(r"(?<![\w])([ABC][12])(?!\w)")
CATEGORIES = re.compile(CATEGORY)
AND = re.compile(r"[,:()/&]|\b(?:und|and|en|og|och|et|an|a)\b", re.IGNORECASE)
BEFORE, AFTER, OWNER = 45, 50, 30
"""Letters around a language in which must be said that it is asked for; before a number, whose years they are."""
MOST_YEARS = 15


@dataclass
class Sentence:
    """A sentence, and where in it a word begins like one of the table, with what may begin so."""

    text: str
    begins: Sequence[tuple[int, frozenset[str]]]
    known: Patterns

    @cached_property
    def denies(self) -> bool:
        return bool(self.known.negation.search(self.text))

    @property
    def sorts(self) -> frozenset[str]:
        """What it may have."""
        (_, first), *others = self.begins
        return first.union(*[sorts for _, sorts in others]) if others else first

    def met(self, pattern: re.Pattern[str], sort: str) -> Iterator[re.Match[str]]:
        """What `finditer` would give, tried only where a word begins like one of its sort: a tenth of its time."""
        end = 0
        for at, sorts in self.begins:
            if at >= end and sort in sorts and (met := pattern.match(self.text, at)):
                end = met.end()
                yield met


def findings(text: str, language: str | None) -> list[Finding]:
    """What a text in one of the eight languages asks for, each thing once, in the order of the text."""
    known = patterns(language) if language else None
    found: dict[tuple[Kind, str], Finding] = {}
    for sentence in _sentences(text, known) if known else ():
        for one in _in(sentence):
            before = found.get((one.kind, one.value))
            if before is None or (one.level and not before.level):
                found[one.kind, one.value] = one
    return _plain(found.values())


def _sentences(text: str, known: Patterns) -> Iterator[Sentence]:
    """The sentences of a text in which a finding may begin; most have no such word, and are not looked at."""
    plain = "\n".join(" ".join(line.split()) for line in text[:LONGEST].split("\n")).replace("İ", "I")
    begins = [(met.start(), known.sorts[met[0][1:]]) for met in known.begins.finditer(f"\n{plain.lower()}")]
    ends = [met.start() for met in END.finditer(plain)] if begins else []
    for number, some in groupby(begins, lambda begin: bisect(ends, begin[0])):
        start = ends[number - 1] + 1 if number else 0
        said = plain[start : ends[number] if number < len(ends) else None]
        start += len(said) - len(said.lstrip())
        yield Sentence(said.strip(), [(at - start, sorts) for at, sorts in some], known)


def _plain(found: Any) -> list[Finding]:
    """Without what says less than another: a licence or experience that is not told further."""
    told = {one.kind for one in found if one.value}
    vague = (Kind.LICENCE, Kind.EXPERIENCE)
    return [one for one in found if one.value or one.kind not in vague or one.kind not in told]


def _in(sentence: Sentence) -> Iterator[Finding]:
    sorts = sentence.sorts
    for sort, find in LOOKED_FOR.items():
        if sort in sorts:
            yield from find(sentence)


def _phrases(said: Sentence) -> Iterator[Finding]:
    sentence, known = said.text, said.known
    for met in said.met(known.phrases, "phrases"):
        kind, value = known.meant[int(str(met.lastgroup)[1:])]
        # "The contract ends in a CAP, so nothing is asked for": a denial anywhere may be that of a degree.
        if not (said.denies and (kind is Kind.EDUCATION or _denied(sentence, met, known))):
            yield _finding(kind, value, sentence, known, met)


def _languages(said: Sentence) -> Iterator[Finding]:
    sentence, known = said.text, said.known
    for met in said.met(known.names, "languages"):
        left, right = sentence[max(0, met.start() - BEFORE) : met.start()], sentence[met.end() : met.end() + AFTER]
        if known.others.match(right.lstrip(" -")) or known.before.search(left.rstrip()[-OWNER:]):
            continue
        asked = known.asked.search(left) or known.asked.search(right) or CEFR.search(right) or known.own.match(met[0])
        if asked and not (said.denies and _denied(sentence, met, known, asked=True)):
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


def _licences(said: Sentence) -> Iterator[Finding]:
    sentence, known = said.text, said.known
    for met in known.licence.finditer(sentence):
        if said.denies and _denied(sentence, met, known):
            continue
        categories = [one.replace("/", "") for one in CATEGORIES.findall(met[0])]
        if categories or known.bare.search(met[0]):
            yield from (_finding(Kind.LICENCE, one, sentence, known, met) for one in categories or [""])


def _experience(said: Sentence) -> Iterator[Finding]:
    sentence, known = said.text, said.known
    if not known.nouns.search(sentence):
        return
    numbers = [met for met in known.years.finditer(sentence) if 0 < int(met["low"]) <= MOST_YEARS]
    for met in numbers:
        left = sentence[max(0, met.start() - OWNER) : met.start()]
        if not known.owner.search(left) and not said.denies:
            yield _finding(Kind.EXPERIENCE, met["low"], sentence, known, met)
    noun = known.nouns.search(sentence)
    if noun and said.denies and not numbers and _denied(sentence, noun, known):
        yield _finding(Kind.EXPERIENCE, "", sentence, known, noun).model_copy(update={"required": False})
    if not said.denies and not numbers and (wanted := known.needed.search(sentence)):
        yield _finding(Kind.EXPERIENCE, "", sentence, known, wanted)


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


LOOKED_FOR = {"languages": _languages, "licence": _licences, "experience": _experience, "phrases": _phrases}
