"""ESCO as a numbered, immutable pack: occupations, their ISCO groups, their titles in many languages. A pure reader.

Without an imported pack there is our own lexicon: the usual occupation of every ISCO-08 unit group, in seven languages.
This service uses the ESCO classification of the European Commission.
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from typing import Protocol

from pendler.text import fold, sought, words

PREFIX = "http://data.europa.eu/esco/"
LEXICON = 5
"""The number of our lexicon: rises with its content, and stays below those of imported packs."""


@dataclass(frozen=True)
class Concept:
    """An ESCO occupation; the first title of each language is the one shown."""

    uri: str
    isco: str
    titles: Mapping[str, tuple[str, ...]]

    def label(self, language: str | None = None) -> str:
        titles = self.titles.get(language or "en") or self.titles.get("en") or next(iter(self.titles.values()))
        return titles[0]


class Names(Protocol):
    """What every pack can tell, whether it is our own lexicon or an imported one."""

    number: int

    def isco(self, uri: str) -> str | None:
        """The ISCO-08 unit group of an occupation; None for what the pack has not."""
        ...

    def label(self, uri: str, language: str | None = None) -> str:
        """A name in the language, else in English, else the code itself."""
        ...

    def meant_by(self, code: str, country: str) -> Sequence[tuple[str, bool]]:
        """What a national code stands for: URIs, and whether it is that or a kind of it."""
        ...


class Pack:
    """The concepts of one pack, found by URI, by ISCO group and by title."""

    def __init__(self, number: int, concepts: Iterable[Concept]) -> None:
        self.number = number
        self._concepts = {concept.uri: concept for concept in concepts}
        self.knows = lru_cache(maxsize=15_000)(self._knows)
        self.has = lru_cache(maxsize=15_000)(self._has)
        self._stems, self._stem_words = cache(self._stems_in), cache(self._stem_words_in)

    @cached_property
    def _titles(self) -> dict[str, dict[str, str]]:
        """Language -> title -> URI. Made when first asked for: who only needs names, does without."""
        found: dict[str, dict[str, str]] = {}
        for concept in self._concepts.values():
            for language, titles in concept.titles.items():
                known = found.setdefault(language, {})
                for title in titles:
                    known.setdefault(normal(title), concept.uri)
        return found

    @cached_property
    def longest(self) -> int:
        """The words of the longest title."""
        return max(title.count(" ") + 1 for title in self.titles())

    def _stems_in(self, language: str) -> dict[str, str]:
        """Title in stems -> URI, of one language, when it is first asked for."""
        stems: dict[str, str] = {}
        for title, uri in self._titles.get(language, {}).items():
            stems.setdefault(stemmed(title, language), uri)
        return stems

    def concepts(self) -> Iterable[Concept]:
        return self._concepts.values()

    def concept(self, uri: str) -> Concept | None:
        return self._concepts.get(uri)

    def isco(self, uri: str) -> str | None:
        return self._concepts[uri].isco if uri in self._concepts else None

    def meant_by(self, code: str, country: str) -> Sequence[tuple[str, bool]]:  # noqa: ARG002 - it has no crosswalks
        return ()

    def titled(self, title: str) -> Mapping[str, str]:
        """The concepts called exactly `title` (in `normal` form): language -> URI."""
        return {language: known[title] for language, known in self._titles.items() if title in known}

    def inflected(self, title: str, language: str | None) -> Mapping[str, str]:
        """The concept that has a title with the same stems in `language`: `Verpleegkundigen`, `sjuksköterskor`."""
        uri = self._stems(language).get(stemmed(title, language)) if language else None
        return {language: uri} if language and uri else {}

    def _knows(self, title: str, language: str | None) -> bool:
        """Whether `titled` or `inflected` would find anything: asked of every part of every title."""
        if any(title in known for known in self._titles.values()):
            return True
        return language is not None and stemmed(title, language) in self._stems(language)

    @cached_property
    def _words(self) -> frozenset[str]:
        """The words of all titles."""
        return frozenset(word for title in self.titles() for word in title.split())

    def _stem_words_in(self, language: str) -> frozenset[str]:
        return frozenset(stem for stems in self._stems(language) for stem in stems.split())

    def _has(self, word: str, language: str | None) -> bool:
        """Whether a word is in any title, or its stem in one of the language."""
        return word in self._words or (
            language is not None and sought(word, language)[-1] in self._stem_words(language)
        )

    def titles(self) -> Iterable[str]:
        """Every title of every language, in `normal` form, each once."""
        return dict.fromkeys(title for known in self._titles.values() for title in known)

    def label(self, uri: str, language: str | None = None) -> str:
        """A name for an occupation or an ISCO group; its code where the pack has none."""
        concept = self._concepts.get(uri)
        return concept.label(language) if concept else uri.rpartition("/")[2]


def normal(title: str) -> str:
    """A title in the form titles are compared in."""
    return " ".join(fold(word) for word in words(title))


def stemmed(title: str, language: str) -> str:
    """A title in `normal` form as the stems of its words."""
    if " " not in title:
        return sought(title, language)[-1]
    return " ".join(sought(word, language)[-1] for word in title.split())


def isco_uri(group: str) -> str:
    """The URI of an ISCO-08 group of one to four digits."""
    return f"{PREFIX}isco/C{group}"


def ancestors(isco: str) -> tuple[str, ...]:
    """An ISCO group and all groups above it, as URIs."""
    return tuple(isco_uri(isco[:length]) for length in range(len(isco), 0, -1))


@cache
def lexicon() -> Pack:
    """Our own lexicon: the usual occupations, and with the first of each unit group what else its people are called."""
    rows = list(csv.DictReader(files("pendler").joinpath("lexicon.csv").read_text("utf-8").splitlines()))
    further = {language: _further(language) for language in rows[0].keys() - {"uri", "isco"}}
    return Pack(
        LEXICON, [Concept(row.pop("uri"), isco := row.pop("isco"), _titles(row, isco, further)) for row in rows]
    )


def _titles(row: Mapping[str, str], isco: str, further: Mapping[str, dict[str, str]]) -> dict[str, tuple[str, ...]]:
    """The titles of an occupation by language; the further ones of its group are taken by the first that asks."""
    found = {
        language: [cell, *filter(None, [further[language].pop(isco, "")])] for language, cell in row.items() if cell
    }
    return {language: tuple(title for some in cells for title in some.split("|")) for language, cells in found.items()}


def _further(language: str) -> dict[str, str]:
    """`titles/LANGUAGE.txt`: a line for each unit group, its titles between bars."""
    lines = files("pendler").joinpath("titles", f"{language}.txt").read_text("utf-8").splitlines()
    return {group: titles for group, _, titles in (line.partition(" ") for line in lines)}
