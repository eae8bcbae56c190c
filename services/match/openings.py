"""Whether two vacancies are one opening: by reference, or by employer, title, place and text together. Pure.

EURES gives a vacancy an id of its own, in which the reference of the national service is written: base64url of
"<reference> <number of the source>". So what comes by two roads is known again without a look at the text.
"""

import base64
import binascii
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from zlib import crc32

from pendler.esco import normal
from pendler.text import fold, words
from schemas.event import VacancyMatched
from schemas.vacancy import Vacancy
from services.match.titles import variants

LEGAL_FORMS = re.compile(
    r"(?: (?:gmbh|mbh|co|cie|ag|kg|ohg|ug|se|ev|ab|as|asa|a s|aps|oy|oyj|bv|b v|nv|n v|vzw|asbl|sa|s a|sas|sarl|eurl"
    r"|srl|spa|sl|ltd|limited|plc|inc|llc|sp z o o|s r o|ivs|k s|holding|e v))+$"
)
REFERENCE = re.compile(r"(?=(?:.*\d){6})[\w.:/-]{8,}", re.ASCII)
LETTERS = 6000
"""Of a text that are looked at."""
RUN = 3
"""Words that make one piece of a text."""
SPARSE = 4
"""Of the words of a text, one in so many begins a piece that is kept."""
SPACED = bytes(byte if byte >= 128 or chr(byte).isalnum() else ord(" ") for byte in range(256))
"""Of UTF-8, each byte that is neither a letter nor a digit, as a blank: a third of the time of looking for words."""
FEW = 8
"""Pieces under which a text is too short to tell anything."""
MOST_PLACES = 5
SAME_TEXT, LIKELY_TEXT, SAME_TITLE, LIKELY_TITLE = 0.9, 0.85, 0.99, 0.6
BY_REFERENCE = "r:"
"""How the keys begin that one source, too, may use again for the same opening."""
Parts = frozenset[int]


@dataclass(frozen=True)
class Opening:
    """What of a vacancy is compared. `pieces` are its `parts`, packed: numbers, from which no text can be made."""

    ref: str
    references: frozenset[str]
    title: str
    employer: str
    places: frozenset[str]
    pieces: str
    language: str | None = None
    open: bool = True

    @property
    def source(self) -> str:
        return self.ref.partition(":")[0]

    @property
    def keys(self) -> Iterator[str]:
        """What openings that may be this one share with it."""
        yield from (f"{BY_REFERENCE}{one}" for one in sorted(self.references))
        for place in sorted(self.places)[:MOST_PLACES]:
            if self.employer:
                yield f"e:{self.employer}|{place}"
            yield f"t:{self.title}|{place}"

    @property
    def ended_keys(self) -> Iterator[str]:
        """What it shares with those that have closed at its source and may be repeated by it."""
        yield from (f"c:{self.source}|{self.title}|{place}" for place in sorted(self.places)[:MOST_PLACES])

    @cached_property
    def parts(self) -> Parts:
        return frozenset(array("I", base64.b64decode(self.pieces)))

    @cached_property
    def document(self) -> dict[str, Any]:
        given = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: sorted(value) if isinstance(value, frozenset) else value for name, value in given.items()}

    @classmethod
    def read(cls, doc: dict[str, Any]) -> "Opening":
        """As it was kept: most of those that are read are only looked at, and kept as they are."""
        given: dict[str, Any] = {
            name: frozenset(value) if isinstance(value, list) else value for name, value in doc.items()
        }
        opening = cls(**given)
        vars(opening)["document"] = doc
        return opening


def opening_of(event: VacancyMatched) -> Opening | None:
    """What of a vacancy is compared; None for a closed one, whose text is gone."""
    vacancy = event.vacancy
    if vacancy is None:
        return None
    first = vacancy.profiles[0]
    return Opening(
        ref=event.ref,
        references=frozenset(references_of(vacancy)),
        title=next(iter(variants(first.title)), normal(first.title)),
        employer=employer_of(vacancy.employer.name or ""),
        places=frozenset(_places(event, vacancy)),
        pieces=packed(pieces_of(first.text)),
        language=event.derived.language or first.language,
    )


def references_of(vacancy: Vacancy) -> Iterator[str]:
    """The references under which a vacancy may be known elsewhere, in lower case."""
    own = vacancy.origin.external_id
    for one in (own, eures_reference(own)):
        if one and REFERENCE.fullmatch(one):
            yield one.lower()


def eures_reference(identity: str) -> str | None:
    """The national reference in an id of EURES; None where the id is none of EURES."""
    try:
        told = base64.urlsafe_b64decode(identity + "=" * (-len(identity) % 4)).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    reference, _, source = told.rpartition(" ")
    return reference if reference and source.isdigit() and reference.isprintable() else None


def employer_of(name: str) -> str:
    """An employer's name without its legal form."""
    plain = " ".join(fold(word) for word in words(name))
    return LEGAL_FORMS.sub("", plain)


def _places(event: VacancyMatched, vacancy: Vacancy) -> Iterator[str]:
    """Towns, and districts where no town is named."""
    towns = {fold(town) for location in vacancy.locations if (town := (location.city or "").strip())}
    yield from towns
    if not towns:
        yield from (place.nuts for place in event.derived.places if place.nuts)


def pieces_of(text: str) -> Parts:
    """A sample of the runs of three words of a text: the same text gives the same sample, a part of it a part."""
    told = text[:LETTERS].lower().encode("utf-8", "replace").translate(SPACED).split()
    kept = [n for n, sum_ in enumerate(map(crc32, told[: len(told) - RUN + 1])) if sum_ % SPARSE == 0]
    return frozenset([crc32(b" ".join(told[n : n + RUN])) for n in kept])


def packed(pieces: Parts) -> str:
    """A hundred numbers as one text: for a store a fifth of the work of a hundred members."""
    return base64.b64encode(array("I", sorted(pieces)).tobytes()).decode()


def shared(one: Parts, other: Parts) -> float | None:
    """How much of the shorter text is in the longer; None where one of them is too short to tell."""
    few = min(len(one), len(other))
    return len(one & other) / few if few >= FEW else None


def same(one: Opening, other: Opening) -> tuple[float, str] | None:
    """How sure it is that two vacancies are one opening, and why; None where they are not."""
    title, text = _title_likeness(one.title, other.title), shared(one.parts, other.parts)
    if common := one.references & other.references:
        reference = min(common)
        if not reference.isdigit() or title >= LIKELY_TITLE or (text or 0) >= SAME_TEXT:
            return 1.0, f"same reference {reference}"
    places = one.places & other.places
    if not places or title < LIKELY_TITLE:
        return None
    if not _told_enough(one, other, title, text):
        return None
    employer = f"employer “{one.employer}”, " if one.employer == other.employer and one.employer else ""
    told = f"{round(100 * text)} % of the text" if text is not None else "no text to compare"
    return 0.3 * title + 0.6 * (text if text is not None else 0.5), f"{employer}title, place “{min(places)}”, {told}"


def _told_enough(one: Opening, other: Opening, title: float, text: float | None) -> bool:
    employer = one.employer == other.employer if one.employer and other.employer else None
    if text is None:
        return employer is True and title >= SAME_TITLE and one.language == other.language
    if employer is False:
        return False
    return text >= (LIKELY_TEXT if employer and title >= SAME_TITLE else SAME_TEXT)


def _title_likeness(one: str, other: str) -> float:
    """The share of the words of the longer title that are in both."""
    left, right = set(one.split()), set(other.split())
    return len(left & right) / max(1, len(left), len(right))
